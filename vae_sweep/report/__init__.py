"""Tables, pages and figures that show results."""
