"""What is odd about the text of a corpus that can be read."""
