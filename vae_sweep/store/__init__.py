"""What trials and drivers share on disk: leases, and finished pretrainings."""
