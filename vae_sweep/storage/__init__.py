"""What trials and drivers share on disk: folders, leases, locks, finished pretrainings."""
