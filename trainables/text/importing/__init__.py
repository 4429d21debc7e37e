"""Tables (CSV, TSV, JSON lines, Parquet, folders of `datasets`) as a corpus of three text files."""
