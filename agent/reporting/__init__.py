"""Pictures and pages made from what happened."""
