"""What hands do, in other words: the part of ``wording.PARAPHRASES`` about eating, washing, cleaning and tools."""

# fmt: off
HAND_PARAPHRASES: dict[str, tuple[str, ...]] = {
    "watching tv": (
        "sitting in front of a television", "resting on a sofa and looking at a screen", "being seated and watching",
        "leaning back on a couch without doing anything", "a relaxed seated posture with still hands",
        "sitting for a long time and hardly moving",
    ),
    "reading": (
        "holding a book still and turning a page now and then", "reading a newspaper", "sitting with a book",
        "looking at paper with both hands holding it", "quiet hands and an occasional turn of a page",
        "reading a magazine at a table",
    ),
    "using a computer mouse": (
        "moving a mouse on a desk and clicking", "small slides of one hand on a table", "clicking with a mouse",
        "one flat hand pushing a mouse", "browsing with a mouse", "working with the mouse at a desk",
    ),
    "combing hair": (
        "drawing a comb through the hair", "brushing the hair with a hairbrush",
        "strokes of a raised hand over the head",
        "moving a hand from the forehead to the back of the head again and again",
        "arm lifted to the head, strokes from front to back", "doing one's hair with a comb",
    ),
    "shaving": (
        "drawing a razor down the cheeks", "shaving the beard", "short strokes of the hand along the chin",
        "a hand at the face that goes down in strokes", "shaving in front of a mirror",
        "rinsing a razor and shaving on",
    ),
    "washing hands": (
        "rubbing the hands together under water", "soaping the hands", "both hands turning around each other",
        "standing at a sink and rubbing the hands", "rinsing both hands", "quick alternating rubs of both hands",
    ),
    "washing the face": (
        "splashing water into the face", "bending over a sink and rubbing the face", "rubbing the face with both hands",
        "lifting water to the face with both hands", "washing one's face in the morning",
        "both hands going up and down over the cheeks",
    ),
    "eating soup": (
        "lifting a spoon from a bowl to the mouth", "spooning soup", "a hand going from bowl to mouth without tilting",
        "scooping with a spoon and lifting it to the lips", "slow level lifts of a spoon at a table",
        "a meal from a bowl with a spoon",
    ),
    "eating chips": (
        "taking chips from a bag and putting them into the mouth", "snacking with the fingers",
        "a hand going from a bag to the mouth and back", "nibbling crisps one after the other",
        "quick small lifts of the fingers to the lips", "finger food at a table",
    ),
    "eating pasta": (
        "winding pasta around a fork", "turning a fork on a plate and lifting it to the mouth", "eating noodles",
        "twisting the forearm over a plate, then a lift to the mouth", "a meal of spaghetti with a fork",
        "rolling noodles onto a fork",
    ),
    "eating a sandwich": (
        "biting into a sandwich held with the hands", "lifting bread to the mouth and lowering it",
        "holding a burger with both hands and biting", "long chewing between bites of bread",
        "hands at the mouth for a bite, then down again", "a meal held in the hands",
    ),
    "eating meat": (
        "cutting meat with a knife and lifting a fork to the mouth", "short sawing strokes on a plate and bites",
        "eating a steak", "both hands busy on a plate, then one at the mouth", "a dinner with cutlery",
        "cutting food into pieces and eating it",
    ),
    "pouring water": (
        "tilting a bottle over a glass", "filling a glass from a jug", "lifting a bottle and slowly turning it over",
        "pouring from a carafe and setting it down", "a raised hand that turns sideways and back again",
        "serving a drink from a bottle",
    ),
    "stirring": (
        "stirring in a pot with a spoon", "moving a spoon in circles", "small circles of the hand over a pan",
        "mixing a dough with a spoon", "stirring coffee or soup", "steady circular movements of one hand",
    ),
    "chopping": (
        "chopping vegetables with a knife", "quick up and down strokes of a knife on a board",
        "cutting onions on a board", "slicing food on a kitchen board", "repeated short cuts with one hand",
        "chopping herbs in the kitchen",
    ),
    "peeling": (
        "peeling vegetables", "peeling potatoes with a knife", "short strokes along something held in the other hand",
        "peeling an apple", "drawing a peeler towards the body again and again",
        "turning a potato in one hand and peeling with the other",
    ),
    "opening a jar": (
        "twisting a lid off a jar", "unscrewing the cap of a bottle", "turning the forearm with force, again and again",
        "gripping a jar with one hand and turning the lid with the other", "opening a screw top",
        "straining to open a tight lid",
    ),
    "using a telephone": (
        "holding a phone to the ear and talking", "a raised hand held still beside the head",
        "calling someone on the phone", "picking up the phone and speaking", "a long call with the phone at the ear",
        "listening on the phone with a bent arm",
    ),
    "texting on a phone": (
        "typing on a phone", "writing a message on a smartphone", "tapping on a screen held in front of the body",
        "holding a phone with both hands and typing with the thumbs", "scrolling on a smartphone",
        "looking at a phone held in the hand",
    ),
    "opening a door": (
        "pressing a door handle and pulling the door", "reaching for a handle and turning it",
        "going through a door", "pushing a door open", "a reach forward, a turn of the hand and a pull",
        "opening and closing a door by its handle",
    ),
    "sweeping": (
        "sweeping the floor with a broom", "strokes with both hands on a broomstick", "brushing dirt together",
        "swinging a broom from side to side", "household work with a broom", "sweeping a yard",
    ),
    "mopping": (
        "mopping the floor", "pushing a wet mop to and fro", "long strokes with both hands on a mop",
        "wiping the floor with a mop", "household work with mop and bucket", "cleaning the floor with water",
    ),
    "wiping a table": (
        "wiping a table with a cloth", "circles of a flat hand on a surface", "cleaning a kitchen counter",
        "moving a cloth to and fro over a table", "polishing a surface by hand", "leaning over a table and wiping it",
    ),
    "wiping a window": (
        "cleaning a window", "wiping glass with a cloth", "strokes of a raised arm up and down a pane",
        "polishing a mirror", "circles of the hand on an upright surface", "cleaning a wall with a sponge",
    ),
    "washing dishes": (
        "scrubbing plates in a sink", "doing the dishes by hand", "rubbing a plate with a sponge and rinsing it",
        "both hands busy in dish water", "washing up after a meal", "scouring pots at the sink",
    ),
    "putting on a jacket": (
        "getting an arm and then the other into the sleeves", "putting on a coat", "slipping into a jacket",
        "reaching backwards for a sleeve and pulling a jacket over the shoulders", "getting dressed to go out",
        "zipping up a jacket",
    ),
    "taking off a jacket": (
        "pulling the arms out of the sleeves", "taking off a coat", "slipping a jacket off the shoulders",
        "undressing after coming home", "reaching behind the back to pull off a sleeve", "unzipping a jacket",
    ),
    "putting on shoes": (
        "tying the laces of shoes", "bending down to the feet and pulling on shoes", "getting into shoes on a chair",
        "both hands at a foot", "lacing boots", "sitting and reaching down to the shoes",
    ),
    "pointing": (
        "pointing at something with a stretched arm", "showing a direction with the hand",
        "raising an arm towards something and holding it", "an arm stretched out to show something",
        "pointing with the index finger", "a straight arm held still for a moment",
    ),
}
# fmt: on
