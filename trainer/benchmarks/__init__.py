"""The paper's benchmarks, VOC-LT and COCO-LT: the authors' lists, the run, the table."""
