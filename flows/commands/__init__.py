"""What a person types: each command reads its options, runs a flow or a step, and tells how it went."""
