"""The stages of training: supervised fine-tuning, point-wise and list-wise reinforcement."""
