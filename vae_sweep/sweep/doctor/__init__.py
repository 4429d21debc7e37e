"""The doctor: what is open to strangers or unsound."""
