# The training guide's script for Windows. Comments are shortened, and its two slips are mended: a comment broken over
# two lines, and a backtick without a space before it. Tests edit the paths and nothing else.
$ckpt = "X:\SD\voldy\models\Stable-diffusion\animefull-final-pruned.ckpt"; #base model
$image_dir = "X:\SD\training\my_concepts_folder"; #dataset
$output = "X:\SD\voldy\models\lora"; #where the LoRA goes
$reg_dir = "X:\SD\training\reg"; #or an empty folder

$train_batch_size           = 1        #pictures at once
$learning_rate              = 0.0001   #UNet
$text_encoder_learning_rate = 0.00005  #text encoder
$num_epochs                 = 8
$save_every_n_epochs        = 1
$resolution                 = 512
$network_dim                = 128      #rank
$network_alpha              = 128      #not above the rank
$noise_offset               = 0.0
$clip_skip                  = 2        #2 for NAI
$optimizer                  = "AdamW8bit" # "AdamW", "AdamW8bit", "Lion", "SGDNesterov", "SDGNesterov8bit", "DAdaptation", "AdaFactor"
$scheduler                  = "cosine_with_restarts"

$learning_rate              = $learning_rate * $train_batch_size

.\venv\Scripts\activate

accelerate launch --num_cpu_threads_per_process 8 train_network.py `
    --network_module="networks.lora" `
    --pretrained_model_name_or_path=$ckpt --train_data_dir=$image_dir --reg_data_dir=$reg_dir --output_dir=$output `
    --caption_extension=".txt" --shuffle_caption --keep_tokens=1 `
    --prior_loss_weight=1 `
    --resolution="$resolution" `
    --enable_bucket --min_bucket_reso=320 --max_bucket_reso=960 `
    --train_batch_size="$train_batch_size" `
    --learning_rate="$learning_rate" --unet_lr="$learning_rate" --text_encoder_lr=$text_encoder_learning_rate `
    --max_train_epochs=$num_epochs `
    --mixed_precision="fp16" --save_precision="fp16" `
    --optimizer_type="$optimizer" --xformers `
    --save_every_n_epochs="$save_every_n_epochs" `
    --save_model_as=safetensors `
    --clip_skip="$clip_skip" `
    --seed=420 `
    --flip_aug `
    --network_dim="$network_dim" --network_alpha="$network_alpha" `
    --max_token_length=225 `
    --cache_latents `
    --lr_scheduler="$scheduler" `
    --noise_offset="$noise_offset"
