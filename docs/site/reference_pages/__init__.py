"""What the reference pages say, written from the code whenever the site is built."""
