"""Tests of vae-sweep: units, properties, contracts, integration."""
