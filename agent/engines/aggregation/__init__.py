"""Rules of the aggregation service: what a report and a job must be, what is spent, what noise is added."""
