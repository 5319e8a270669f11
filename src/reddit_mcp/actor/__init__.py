"""The Apify Actor: lifecycle, billing, usage dataset and the normal-mode run. The only package that imports apify."""
