"""`spotdesk validate`: a release beside the one that serves, on the days of a recorded desk."""
