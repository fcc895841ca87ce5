"""What each page tells, as plain JSON values: the page and its ``.json`` show the same."""
