"""Settings of the dataset's pictures: folders, sizes, buckets, cached latents and augmentation."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Images"
_setting = partial(Setting, group=GROUP)

FOLDERS: tuple[Setting, ...] = (
    _setting(
        "train_data_dir",
        "path",
        None,
        "Folder with the training pictures: subfolders named <repeats>_<name>, or a plain folder of pictures.",
        label="Training pictures",
        conflicts=("dataset_config",),
    ),
    _setting(
        "reg_data_dir",
        "path",
        None,
        "Folder with the regularization pictures, laid out the same way; may be empty.",
        label="Regularization pictures",
        conflicts=("dataset_config",),
    ),
    _setting(
        "dataset_config",
        "path",
        None,
        "TOML file that describes datasets and subsets in place of folders.",
        label="Dataset file (TOML)",
    ),
    _setting(
        "dataset_repeats",
        "int",
        1,
        "How often each picture of a plain folder is seen in an epoch; 1, unless subjects are to be balanced.",
        label="Repeats",
        minimum=1,
    ),
    _setting(
        "in_json",
        "path",
        None,
        "JSON file (or .jsonl) that names the pictures to train and holds their captions, as kohya's tools write it.",
        label="Metadata file",
        advanced=True,
    ),
    _setting(
        "dataset_class",
        "str",
        None,
        "Python class that supplies the dataset.",
        treatment="refused",
        reason="datasets come from folders or --dataset_config only",
        advanced=True,
    ),
    _setting(
        "cache_info",
        "flag",
        False,
        "Keep a file with sizes and captions in the dataset folder.",
        treatment="ignored",
        reason="sizes are always remembered, in the data folder and not beside your pictures",
        advanced=True,
    ),
    _setting(
        "debug_dataset",
        "flag",
        False,
        "Show the dataset and don't train.",
        treatment="refused",
        reason="the command `plan` shows the dataset without training",
        advanced=True,
    ),
    _setting(
        "conditioning_data_dir",
        "path",
        None,
        "Folder with the masks of masked_loss, each named like its picture: what is white counts, what is black doesn't.",
        label="Masks",
        advanced=True,
        applies_when=("masked_loss", ()),
    ),
)

SIZES: tuple[Setting, ...] = (
    _setting(
        "resolution",
        "size",
        None,
        "Training resolution, one side or width and height: 512 to 768, 512 is usual.",
        label="Resolution",
        minimum=64,
        unit="px",
    ),
    _setting(
        "enable_bucket",
        "flag",
        False,
        "Train pictures in sizes near their own shape in place of a fixed crop.",
        label="Buckets",
    ),
    _setting(
        "min_bucket_reso",
        "int",
        256,
        "Shortest side of a bucket; 320 is usual at resolution 512.",
        label="Shortest bucket side",
        minimum=64,
        unit="px",
        applies_when=("enable_bucket", ()),
    ),
    _setting(
        "max_bucket_reso",
        "int",
        1024,
        "Longest side of a bucket; 768 to 1024 is usual at resolution 512.",
        label="Longest bucket side",
        minimum=64,
        unit="px",
        applies_when=("enable_bucket", ()),
    ),
    _setting(
        "bucket_reso_steps",
        "int",
        64,
        "Sides of buckets are multiples of this.",
        label="Bucket step",
        minimum=8,
        unit="px",
        advanced=True,
        applies_when=("enable_bucket", ()),
    ),
    _setting(
        "bucket_no_upscale",
        "flag",
        False,
        "Make buckets that never enlarge a picture (the limits above don't count).",
        label="Never enlarge pictures",
        advanced=True,
        applies_when=("enable_bucket", ()),
    ),
    _setting(
        "resize_interpolation",
        "str",
        None,
        "How pictures are resized; area for smaller and Lanczos for larger unless given.",
        label="Resizing method",
        choices=("lanczos", "nearest", "bilinear", "linear", "bicubic", "cubic", "area"),
        advanced=True,
    ),
)

CACHE: tuple[Setting, ...] = (
    _setting("cache_latents", "flag", False, "Encode each picture once and keep the result in memory.", label="Cache latents"),
    _setting(
        "cache_latents_to_disk",
        "flag",
        False,
        "Keep the encoded pictures in the data folder for later runs too.",
        label="Cache latents on disk",
    ),
    _setting(
        "vae_batch_size",
        "int",
        1,
        "How many pictures are read ahead while caching; each is encoded by itself, so that the others can't change it.",
        label="Pictures read ahead",
        minimum=1,
        unit="pictures",
        advanced=True,
    ),
    _setting(
        "skip_cache_check",
        "flag",
        False,
        "Take cached latents without looking whether they still fit.",
        treatment="ignored",
        reason="cached latents are found by their content, so there is no check to skip",
        advanced=True,
    ),
)

AUGMENTATION: tuple[Setting, ...] = (
    _setting(
        "flip_aug",
        "flag",
        False,
        "Mirror half of the pictures; not for subjects that differ left and right.",
        label="Mirror pictures",
    ),
    _setting(
        "color_aug", "flag", False, "Vary hue and brightness a little; latents can't be cached then.", label="Vary colours"
    ),
    _setting(
        "random_crop",
        "flag",
        False,
        "Crop at a random place in place of the centre; latents can't be cached then.",
        label="Random crop",
    ),
    _setting(
        "face_crop_aug_range",
        "range",
        None,
        "Crop around faces by this factor range, such as 2.0,4.0; acts only without buckets and on files named …_cx_cy_w_h.",
        label="Face crop range",
        minimum=0.1,
        advanced=True,
    ),
    _setting(
        "alpha_mask",
        "flag",
        False,
        "Learn nothing from what is transparent in the pictures.",
        label="Transparency as mask",
        advanced=True,
    ),
)

SETTINGS = FOLDERS + SIZES + CACHE + AUGMENTATION
