"""The time, memory and disk that a sweep takes, from short measurements."""
