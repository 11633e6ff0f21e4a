"""Pages and pictures: one self-contained HTML file, figures in the product's style."""
