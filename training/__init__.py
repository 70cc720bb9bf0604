"""Data sets, architectures, recipes, training, evaluation and export. Nothing that serves a page imports it.

All weights from nothing (segmentation first: the classifier's crops are taken around what it finds):

    for recipe in deeplabv3 unet resnet18; do
        python -m training.train $recipe --data ../shared/data
        python -m training.export $recipe
    done
    python -m training.evaluate --all --data ../shared/data
"""
