"""Verification queries: is there an input of a box with outputs of a kind?"""
