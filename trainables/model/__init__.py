"""Encoder, decoder and the VAE."""
