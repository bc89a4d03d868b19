"""What Spotdesk is made of: the packages of the lock, their licences, and the list of them for a release."""
