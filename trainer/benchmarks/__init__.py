"""The paper's benchmarks, VOC-LT and COCO-LT."""
