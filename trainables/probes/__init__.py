"""What a trained model's latent space is good for: Tables 4 to 8, 12, 13 and Appendix B of the paper."""
