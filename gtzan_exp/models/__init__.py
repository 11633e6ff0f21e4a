"""Models: scikit-learn pipelines of preprocessing and a classifier, including networks."""
