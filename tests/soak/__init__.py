"""The app beside a deployment that is fed from a recording, for as long as one likes: does anything grow?"""
