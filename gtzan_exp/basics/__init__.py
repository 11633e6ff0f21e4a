"""What every room uses: errors, checks, names, processes, files."""
