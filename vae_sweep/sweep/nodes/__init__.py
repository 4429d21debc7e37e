"""A cluster's nodes: joined, asked what they are like, judged before the first trial."""
