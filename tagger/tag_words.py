"""The words that tags are made of: colours and other properties, kinds of things, and what excludes what. Data only."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    """Words between spaces; `_` stands for a space within one."""
    return frozenset(word.replace("_", " ") for word in text.split())


COLOURS = _words(
    "red orange yellow green blue purple pink brown black white grey gray silver gold golden blonde blond aqua "
    "cyan teal turquoise magenta violet lavender indigo navy crimson scarlet maroon beige tan cream ivory amber "
    "copper bronze platinum mint lime olive peach salmon coral rust khaki burgundy azure"
)
SHADES = _words("dark light pale bright deep pastel neon")
# Properties that leave the thing what it is: a striped hat is a hat. What does not (no, fake, toy, unworn, torn …) is not here.
PROPERTIES = _words(
    "striped plaid checkered spotted dotted floral patterned camouflage argyle frilled ruffled pleated ribbed "
    "quilted knit laced embroidered sleeveless strapless backless hooded cropped long short very large big small "
    "tiny huge medium wide narrow thick thin tall low high leather denim latex wool woolen silk satin velvet "
    "cotton fur lace wooden metal iron steel stone plastic glass see-through transparent translucent shiny "
    "sparkling glowing puffy fluffy curly wavy straight messy spiky round square pointy curved multicolored "
    "two-tone gradient rainbow"
)
MANY_COLOURS = _words("multicolored two-tone gradient streaked rainbow split-color colored_inner")
# `red-framed eyewear`: the colour is the frame's, not the thing's.
PART_ENDINGS = ("-framed", "-trimmed", "-striped", "-tinted", "-rimmed", "-soled", "-lined", "-themed", "-print")

# Kinds and what belongs to them. A kind may belong to another one.
KINDS = {
    "footwear": "boots shoes sneakers sandals loafers high_heels heels slippers mary_janes uwabaki geta zouri "
    "flip-flops pumps clogs ankle_boots knee_boots thigh_boots rubber_boots cowboy_boots high_heel_boots "
    "lace-up_boots ballet_slippers roller_skates",
    "boots": "ankle_boots knee_boots thigh_boots rubber_boots cowboy_boots high_heel_boots lace-up_boots",
    "heels": "high_heels",
    "shoes": "sneakers loafers mary_janes pumps platform_shoes dress_shoes",
    "headwear": "hat cap helmet beret top_hat witch_hat straw_hat sun_hat santa_hat party_hat cowboy_hat "
    "baseball_cap peaked_cap nurse_cap beanie fedora bowler_hat mini_hat hood veil bonnet",
    "hat": "top_hat witch_hat straw_hat sun_hat santa_hat party_hat cowboy_hat wizard_hat beret fedora bowler_hat "
    "mini_hat chef_hat mini_top_hat sailor_hat",
    "top hat": "mini_top_hat",
    "legwear": "thighhighs kneehighs socks pantyhose tights stockings leggings leg_warmers over-kneehighs "
    "ankle_socks bobby_socks",
    "socks": "kneehighs ankle_socks bobby_socks tabi_socks",
    "gloves": "fingerless_gloves elbow_gloves half_gloves mittens",
    "handwear": "gloves fingerless_gloves elbow_gloves half_gloves mittens gauntlets",
    "eyewear": "glasses sunglasses goggles monocle",
    "glasses": "semi-rimless_glasses round_glasses under-rim_glasses",
    "neckwear": "necktie bowtie ascot cravat scarf",
    "shirt": "t-shirt dress_shirt collared_shirt tank_top polo_shirt undershirt blouse",
    "skirt": "miniskirt pencil_skirt pleated_skirt high-waist_skirt suspender_skirt",
    "dress": "sundress wedding_dress evening_gown pinafore_dress sweater_dress china_dress",
    "pants": "jeans sweatpants track_pants yoga_pants",
    "shorts": "short_shorts denim_shorts bike_shorts dolphin_shorts gym_shorts",
    "jacket": "hooded_jacket letterman_jacket suit_jacket track_jacket cropped_jacket blazer",
    "coat": "trench_coat overcoat raincoat winter_coat lab_coat fur_coat",
    "swimsuit": "bikini one-piece_swimsuit school_swimsuit competition_swimsuit",
    "school uniform": "serafuku",
    "bow": "hair_bow back_bow waist_bow footwear_bow",
    "jewelry": "necklace earrings ring bracelet pendant brooch anklet stud_earrings hoop_earrings",
    "earrings": "stud_earrings hoop_earrings single_earring",
    "weapon": "sword gun knife axe spear bow_and_arrow katana dagger polearm scythe rifle handgun staff_weapon",
    "sword": "katana greatsword rapier scimitar",
    "gun": "rifle handgun revolver shotgun assault_rifle sniper_rifle",
    "animal ears": "cat_ears dog_ears fox_ears rabbit_ears wolf_ears bear_ears mouse_ears horse_ears cow_ears "
    "tiger_ears sheep_ears",
    "tail": "cat_tail dog_tail fox_tail rabbit_tail wolf_tail dragon_tail demon_tail horse_tail cow_tail "
    "tiger_tail lizard_tail",
    "wings": "angel_wings demon_wings bat_wings butterfly_wings fairy_wings dragon_wings feathered_wings",
    "horns": "dragon_horns demon_horns cow_horns sheep_horns goat_horns",
    "flower": "rose sunflower tulip lily daisy hibiscus cherry_blossoms camellia hydrangea morning_glory",
    "fruit": "apple banana strawberry cherry watermelon grapes pineapple lemon",
    "instrument": "guitar piano violin drum flute trumpet electric_guitar acoustic_guitar",
    "guitar": "electric_guitar acoustic_guitar bass_guitar",
    "sky": "night_sky starry_sky cloudy_sky evening_sky",
    "braid": "twin_braids single_braid side_braid french_braid crown_braid",
    "twintails": "low_twintails short_twintails",
    "ponytail": "high_ponytail low_ponytail short_ponytail",
    "vehicle": "car motorcycle bicycle truck bus",
    "hairband": "frilled_hairband lolita_hairband",
}
# Whole tags that say another one too.
IMPLIES = {
    "grin": ("smile",), "evil smile": ("smile",), "light smile": ("smile",), "seductive smile": ("smile",),
    "seiza": ("sitting",), "wariza": ("sitting",), "indian style": ("sitting",), "yokozuwari": ("sitting",),
    "on back": ("lying",), "on side": ("lying",), "on stomach": ("lying",), "night sky": ("night",),
    "2girls": ("multiple girls",), "3girls": ("multiple girls",), "4girls": ("multiple girls",),
    "2boys": ("multiple boys",), "3boys": ("multiple boys",), "absurdly long hair": ("very long hair", "long hair"),
    "cherry blossoms": ("flower",), "full moon": ("moon",), "crescent moon": ("moon",),
}  # fmt: skip
# Whose names look like a property and a thing, and are neither.
NAMES = _words(
    "red_panda black_hole blue_archive red_cross white_noise black_widow black_belt yellow_card red_card "
    "green_onion orange_juice silver_fox golden_retriever white_day black_tea green_tea red_bean red_bean_paste "
    "blue_screen white_board black_board big_ben long_island high_school high_heels high_collar short_circuit "
    "small_talk big_bang dark_souls dark_magician light_novel light_bulb lime_slice white_rabbit dark_elf "
    "light_saber hot_dog stone_lantern glass_slipper medium_shot wide_shot long_shot short_stack orange_slice "
    "tan_lines"
)
# Words of tags that are sentences in small, not a thing with properties.
JOINTS = _words("with without on in over under of from at to and no not by off behind between as for")

# Of each group only one can hold, where one person is shown. Spellings within brackets of one alternative go together.
EXCLUSIVE = (
    ("short hair|very short hair", "medium hair", "long hair|very long hair|absurdly long hair"),
    ("open mouth", "closed mouth"),
    ("smile|grin|light smile", "frown"),
    ("1girl", "2girls", "3girls", "4girls"),
    ("1boy", "2boys", "3boys"),
    ("solo", "2girls", "3girls", "4girls", "2boys", "3boys", "multiple girls", "multiple boys"),
    ("indoors", "outdoors"),
    ("day", "night|night sky|starry sky"),
    ("standing", "sitting|seiza|wariza", "lying|on back|on side|on stomach", "kneeling"),
    ("simple background", "forest", "beach", "city", "cityscape", "indoors", "outdoors"),
    ("from above", "from below"),
    ("flat chest", "small breasts", "medium breasts", "large breasts", "huge breasts"),
    ("barefoot", "boots", "shoes", "sneakers", "sandals", "loafers", "high heels", "socks", "thighhighs", "pantyhose"),
    ("bald", "long hair", "short hair", "medium hair", "ponytail", "twintails"),
    ("closed eyes", "wide-eyed"),
    ("close-up", "full body"),
)
# Seldom right together; to be looked at.
UNLIKELY = (("smile", "closed mouth"), ("closed eyes", "looking at viewer"))
MANY_PEOPLE = _words(
    "2girls 3girls 4girls 5girls 6+girls 2boys 3boys 4boys 5boys multiple_girls multiple_boys couple everyone crowd"
)

# What a caption should say something about; by whole tags and by their last words.
ASPECTS = {
    "pose": (
        _words(
            "standing sitting lying kneeling walking running jumping squatting crouching flying dancing sleeping "
            "seiza wariza on_back on_side on_stomach leaning leaning_forward arms_up arms_behind_back "
            "hand_on_own_hip crossed_arms v peace_sign waving crossed_legs all_fours stretching hands_up hand_up "
            "outstretched_arms fighting_stance pointing indian_style holding"
        ),
        ("pose", "stance", "arms"),
    ),
    "view": (
        _words(
            "upper_body full_body cowboy_shot portrait close-up from_side from_behind from_above from_below "
            "looking_at_viewer looking_back looking_to_the_side profile lower_body wide_shot straight-on "
            "dutch_angle looking_away"
        ),
        ("shot", "view"),
    ),
    "expression": (
        _words(
            "smile grin frown open_mouth closed_mouth closed_eyes crying tears blush angry sad happy surprised "
            "expressionless serious laughing pout one_eye_closed tongue_out light_smile embarrassed big_eyes"
        ),
        ("smile", "mouth", "expression"),
    ),
    "background": (
        _words(
            "simple_background outdoors indoors sky night_sky forest beach city street classroom bedroom snow "
            "water ocean cityscape building tree grass night day cloud window room kitchen library park mountain "
            "river field garden night"
        ),
        ("background", "room", "sky", "scenery"),
    ),
}
