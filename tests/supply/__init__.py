"""What is installed with the program: the locks, a bill of materials, and known vulnerabilities."""
