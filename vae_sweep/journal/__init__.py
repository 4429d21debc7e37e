"""The journal of a sweep: its events, how they are written, and the record that they add up to."""
