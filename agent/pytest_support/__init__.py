"""What the pytest plugin's fixtures are made of; loaded only where a test asks for one."""
