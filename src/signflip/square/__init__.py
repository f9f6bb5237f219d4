"""The Square attack, compiled; its settings are `signflip.methods.square`."""
