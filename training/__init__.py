"""Data sets, architectures, recipes, training, evaluation and export. Nothing that serves a page imports it.

All weights from nothing: `make weights DATA=DIR`, whose steps are (segmentation first, since the classifiers' crops are taken
around what it finds, and MobileNetV2 before ResNet-18, which learns from it):

    for recipe in deeplabv3 unet mobilenetv2 resnet18; do
        python -m training.train $recipe --data ../shared/data
        python -m training.export $recipe --left-out
        python -m training.export $recipe
    done
    python -m training.evaluate --data ../shared/data --weights runs/left-out --sources ph2 mednode
    python -m training.evaluate --data ../shared/data --all --left-out runs/left-out --report

From the weights that are here: `python -m training.train RECIPE --data ../shared/data --from weights/RECIPE`.
"""
