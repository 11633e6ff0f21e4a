"""Models: scikit-learn classifiers with their preprocessing inside, networks included."""
