"""Planning and running a sweep."""
