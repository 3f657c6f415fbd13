from tasks.recommender.recommender import Recommender, bundle

__all__ = ["Recommender", "bundle"]
