"""What a sweep measured, computed once: cells, fronts, differences, verdicts, winners."""
