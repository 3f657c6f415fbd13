"""What CI does with a change: retrain it, compare it with its base, tell the pull request, register what was merged.

Plain functions that run anywhere: neither Prefect nor GitHub is needed, but to post a comment.
"""
