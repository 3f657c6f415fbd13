"""What a version was made of, whether it is still that, and making it again."""
