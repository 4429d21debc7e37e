"""The nodes of a cluster: asked what they have, checked before the first trial."""
