"""Files on their way between a browser and this machine: pictures and captions in, datasets and LoRAs out."""
