"""Compiled parts of the voxel simulator: plain functions of arrays, without Python objects."""
