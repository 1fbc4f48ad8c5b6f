"""How an activity label or a placement is put into words for the text encoder.

One label string is a single point in the text space; a model trained on it alone learns that string rather than its
meaning. `phrasings` returns the label, a few sentence templates around it, and, for activities in the table,
paraphrases that describe the motion of the body; inference averages over them (the prompt ensembling of CLIP, Radford
et al. 2021, section 3.1.4). Training draws one of these and of what people call the activity (`read_in_training`) at
random: to average over that as well names no better and takes three times as long.
"""

import re
from collections.abc import Mapping

from har.labels.called_movements import CALLED_MOVEMENTS
from har.labels.called_tasks import CALLED_TASKS
from har.labels.groups import group_of, normalise
from har.labels.hands import HAND_PARAPHRASES
from har.labels.said_movements import SAID_MOVEMENTS
from har.labels.said_tasks import SAID_TASKS

# For labels that name the activity as a verb form ("walking upstairs") and for all others ("pelvic tilt").
VERB_TEMPLATES = (
    "{}",
    "a person is {}",
    "the activity of {}",
    "someone {} while wearing a motion sensor",
    "motion of the body during {}",
)
NOUN_TEMPLATES = (
    "{}",
    "a person doing {}",
    "the activity {}",
    "someone performing {} while wearing a motion sensor",
    "motion of the body during {}",
)

UNKNOWN_PLACEMENT = "unknown placement"
PLACEMENT_TEMPLATES = ("{}", "sensor worn at the {}", "a device at the {}", "motion sensor placement: {}")

# canonical phrase -> paraphrases. Keys are labels or names of synonym groups; a label without an entry of its own uses
# the one of its group, so that every synonym profits.
# fmt: off
PARAPHRASES: dict[str, tuple[str, ...]] = {
    "sitting": (
        "sitting still on a chair", "being seated with the upper body upright and the thighs horizontal",
        "resting on a seat without moving much", "remaining seated", "sitting quietly at a table",
        "a still posture with bent hips and bent knees",
    ),
    "standing": (
        "standing still on both feet", "standing upright without walking",
        "being on one's feet, body vertical, hardly moving", "waiting in an upright position",
        "a still posture with straight legs and the trunk vertical", "standing in place",
    ),
    "lying": (
        "lying still on a bed", "resting with the whole body horizontal", "lying flat without moving",
        "being stretched out on a mattress or on the floor", "a still horizontal posture", "reclining at rest",
    ),
    "lying on the back": (
        "lying supine, face up", "resting flat on the back with the chest facing the ceiling",
        "lying still, face upward", "horizontal posture with the front of the body pointing up",
        "lying on one's back in bed", "stretched out on the back without moving",
    ),
    "lying on the stomach": (
        "lying prone, face down", "resting flat on the belly with the chest facing the floor",
        "lying still, face downward", "horizontal posture with the front of the body pointing down",
        "lying on one's stomach in bed", "stretched out on the front of the body without moving",
    ),
    "lying on the left side": (
        "lying still, turned onto the left side", "resting on the left hip and left shoulder",
        "lying sideways with the left side of the body on the bed",
        "horizontal posture with the right side of the body pointing up", "lying on one's left side in bed",
        "reclining on the left flank without moving",
    ),
    "lying on the right side": (
        "lying still, turned onto the right side", "resting on the right hip and right shoulder",
        "lying sideways with the right side of the body on the bed",
        "horizontal posture with the left side of the body pointing up", "lying on one's right side in bed",
        "reclining on the right flank without moving",
    ),
    "kneeling": (
        "being on the knees, trunk upright", "resting on both knees on the floor",
        "a still posture with the knees on the ground", "kneeling down on the floor without moving",
        "staying on one's knees", "shins on the floor, body upright",
    ),
    "squatting": (
        "crouching with bent knees close to the ground", "holding a low crouch on both feet",
        "a posture with deeply bent knees and hips", "staying in a squat", "crouching down near the floor",
        "sitting on one's heels, feet on the ground",
    ),
    "being bent over": (
        "staying bent forward at the waist", "upper body leaning far forward",
        "a stooped posture with the trunk tilted toward the floor", "standing with the back bent forward",
        "leaning over to reach something low", "trunk inclined forward, legs nearly straight",
    ),
    "sitting and talking": (
        "sitting on a chair while having a conversation", "being seated and speaking with gestures of the hands",
        "sitting with small movements while talking", "a seated conversation", "talking to someone from a chair",
        "remaining seated and chatting",
    ),
    "standing and talking": (
        "standing still while having a conversation", "standing upright and speaking with gestures of the hands",
        "talking to someone without walking", "a standing conversation", "being on one's feet and chatting",
        "standing in place with small movements while talking",
    ),
    "walking": (
        "walking on level ground at a normal pace", "strolling forward step by step", "going on foot",
        "regular steps with the arms swinging", "rhythmic stepping at about two steps a second",
        "moving forward on foot without running", "taking a walk", "walking along a corridor",
    ),
    "walking slowly": (
        "strolling at a slow pace", "slow, gentle steps on level ground", "walking leisurely", "ambling along",
        "moving forward on foot with slow rhythmic steps", "a slow walk with weak impacts of the feet",
    ),
    "walking fast": (
        "walking briskly", "fast, energetic steps on level ground", "walking quickly without running",
        "hurrying on foot", "a brisk walk with strong swinging of the arms", "striding at a high pace",
    ),
    "walking and talking": (
        "walking while having a conversation", "strolling beside someone and chatting",
        "going on foot and speaking with gestures", "rhythmic steps on level ground while talking",
        "talking to a companion during a walk", "walking at a relaxed pace with someone",
    ),
    "walking with a load": (
        "walking while carrying something heavy", "carrying a bag or a box on foot",
        "stepping forward with a load in the hands", "transporting an object while walking",
        "heavy walking with the arms held still by a load", "moving on foot with shopping bags",
    ),
    "nordic walking": (
        "walking with poles", "brisk outdoor walking with a pole in each hand",
        "striding while pushing off with poles", "fast walking with long swings of the arms",
        "exercise walking with two sticks", "fitness walking with poles in the hands",
    ),
    "shuffling": (
        "walking without lifting the feet", "dragging the feet over the floor in short steps", "a slow shuffling gait",
        "small sliding steps", "walking like an unsteady person, feet close to the floor",
        "moving forward with tiny steps and little impact",
    ),
    "running": (
        "jogging at a steady pace", "running on foot with a flight phase in each stride", "going for a run",
        "fast rhythmic steps with strong impacts", "bouncing vertically at about three steps a second",
        "moving fast on foot, both feet leaving the ground", "jogging outdoors", "trotting along",
    ),
    "climbing stairs": (
        "taking the stairs", "walking up or down a flight of stairs", "going up and down steps",
        "stepping from stair to stair", "using a staircase", "rhythmic stepping with a change of height at each step",
    ),
    "walking upstairs": (
        "walking up a flight of stairs, stepping upward", "climbing up the stairs",
        "going up the steps of a staircase", "ascending stairs", "lifting the body with each step up",
        "raising the knee high and pushing the body upward, stair by stair", "going to a higher floor on foot",
        "stair ascent",
    ),
    "walking downstairs": (
        "walking down a flight of stairs, stepping downward", "climbing down the stairs",
        "going down the steps of a staircase", "descending stairs", "lowering the body with each step down",
        "dropping onto the lower foot with a sharp impact, stair by stair", "going to a lower floor on foot",
        "stair descent",
    ),
    "climbing stairs and talking": (
        "taking the stairs while having a conversation", "going up or down a staircase and chatting",
        "stepping from stair to stair while talking", "talking to someone on the stairs",
        "using a staircase and speaking with gestures", "walking on stairs beside someone in conversation",
    ),
    "jumping": (
        "jumping up and down on the spot", "leaping off the ground again and again", "hopping with both feet",
        "repeated vertical jumps with hard landings", "bouncing in the air, short free fall and strong impact",
        "continuous jumping in place",
    ),
    "jumping to reach something": (
        "a gentle jump to grasp an object high above", "a small hop with the arm stretched upward",
        "leaping up once to touch something high", "one light vertical jump and a soft landing",
        "stretching and jumping toward a high shelf", "jumping lightly without falling",
    ),
    "jumping rope": (
        "skipping with a rope", "small repeated jumps while swinging a rope", "hopping over a turning rope",
        "rope skipping as exercise", "fast rhythmic bouncing on the toes with circling wrists",
        "repeated low jumps in place over a rope",
    ),
    "stumbling": (
        "tripping while walking and regaining balance", "losing balance for a moment while walking",
        "an irregular step with a sudden jerk during a walk", "catching oneself after a misstep",
        "nearly falling while walking", "walking interrupted by a trip",
    ),
    "walking in place": (
        "walking on the spot", "stepping without moving forward", "marching in place",
        "lifting one foot after the other in place", "rhythmic steps at the same place", "treading on the spot",
    ),
    "running in place": (
        "jogging on the spot", "running without moving forward", "fast rhythmic steps at the same place",
        "bouncing from foot to foot in place", "jogging in place as a warm-up", "quick steps in place, knees raised",
    ),
    "starting to walk": (
        "going from standing to walking", "taking the first steps", "setting off on foot",
        "standing still, then walking", "the body begins to step forward", "starting a walk from standstill",
    ),
    "stopping walking": (
        "going from walking to standing", "coming to a halt after walking", "taking the last steps and standing still",
        "walking, then standing still", "slowing down to a standstill", "ending a walk",
    ),
    "standing up, walking and climbing stairs": (
        "getting up, walking about and taking the stairs", "rising from a chair, walking and using a staircase",
        "moving about the building on foot and on stairs", "a mix of standing up, walking and stairs",
        "leaving the desk, walking and going up or down", "being up and about, stairs included",
    ),
    "vacuum cleaning": (
        "cleaning the floor with a vacuum cleaner", "pushing and pulling a vacuum cleaner", "vacuuming a carpet",
        "household work with slow steps and sweeping arm strokes", "hoovering", "moving a nozzle over the floor",
    ),
    "ironing": (
        "ironing clothes on a board", "sliding an iron over a shirt", "household work standing at an ironing board",
        "slow strokes of one arm while standing", "pressing clothes", "smoothing laundry with a hot iron",
    ),
    "folding clothes": (
        "folding laundry", "folding shirts at a table", "handling clothes with both hands while standing",
        "stacking folded clothes", "household work with both hands", "putting laundry together neatly",
    ),
    "driving a car": (
        "sitting at the wheel of a car", "steering a car", "being seated in a moving car",
        "driving in traffic", "small arm movements at a steering wheel, road vibration",
        "travelling by car as driver",
    ),
    "turning around": (
        "turning the body by half a turn", "rotating on the spot about the vertical axis",
        "changing direction by turning around", "turning to face the other way",
        "a rotation of the whole body while standing or walking", "pivoting with small steps",
    ),
    "cycling": (
        "riding a bicycle", "pedalling on a bike", "circular motion of the legs while sitting on a saddle",
        "going by bike", "seated rhythmic pedalling without impacts", "biking outdoors",
    ),
    "miscellaneous movement": (
        "various irregular movements", "moving about without a regular pattern", "other movements of the body",
        "fidgeting, turning and reaching in no fixed order", "unspecified mixed motion", "random everyday movements",
    ),
    "sitting down": (
        "sitting down on a chair from standing", "lowering the body onto a seat", "taking a seat",
        "changing from standing to sitting", "bending hips and knees until seated",
        "a short downward movement from upright to seated", "going from standing to sitting",
    ),
    "standing up": (
        "getting up from a chair", "rising from sitting to standing", "changing from sitting to standing",
        "pushing the body up from a seat", "stretching hips and knees until upright",
        "a short upward movement from seated to upright", "going from sitting to standing",
    ),
    "sitting down and getting up": (
        "sitting down on a chair, waiting a moment and standing up again", "lowering onto a seat and rising again",
        "going from standing to sitting and back to standing", "a sit-to-stand exercise on a chair",
        "taking a seat for a moment and getting up", "one cycle of sitting down and standing up",
    ),
    "collapsing into a chair": (
        "trying to get up and falling back into the seat", "dropping heavily onto a chair",
        "rising a little and sinking back into a chair", "an attempt to stand up that ends with a fall into the seat",
        "losing strength and falling back onto a chair", "failing to stand up from a chair",
    ),
    "lying down": (
        "going to bed, from upright to horizontal", "lowering the body onto a bed", "changing to a lying position",
        "moving from sitting or standing to lying", "getting into bed",
        "tilting the trunk from vertical to horizontal",
    ),
    "getting up from lying": (
        "getting up from bed", "rising from a lying position", "moving from lying to sitting or standing",
        "getting out of bed", "raising the trunk from horizontal to vertical", "leaving the bed",
    ),
    "sitting up from lying": (
        "sitting up in bed", "raising the upper body from lying to sitting", "changing from lying to sitting",
        "moving the trunk from horizontal to vertical, legs still on the bed", "going from lying to sitting",
        "getting up to a seated position",
    ),
    "lying down from sitting": (
        "going from sitting to lying", "lowering the upper body from sitting to lying",
        "leaning back from a seated position until horizontal", "lying down on a bed from its edge",
        "changing from sitting to lying", "tilting the trunk from vertical to horizontal",
    ),
    "lying down and sitting up": (
        "lying down from sitting, resting a moment and sitting up again", "leaning back to lie and rising to sit",
        "going from sitting to lying and back to sitting", "lying for a moment and sitting again",
        "tilting the trunk to horizontal and back to vertical", "one cycle of lying down and sitting up",
    ),
    "turning over while lying": (
        "rolling from the back onto the side and back", "turning over in bed", "changing side while lying",
        "rotating the horizontal body about its long axis", "rolling over while lying down",
        "moving from lying on the back to lying on the side",
    ),
    "bending down": (
        "bending forward from standing toward the floor", "stooping to reach something low",
        "tilting the trunk forward and down", "leaning down from an upright posture",
        "going from upright to bent over", "lowering the upper body at the waist",
    ),
    "straightening up": (
        "rising from a bent posture to upright", "raising the trunk after bending", "straightening the back",
        "going from bent over to standing upright", "lifting the upper body to vertical", "coming up from a stoop",
    ),
    "bending down and getting up": (
        "bending forward with straight legs and rising again", "leaning down to the floor and straightening up",
        "stooping and coming back upright", "tilting the trunk forward and back to vertical",
        "reaching to the floor without bending the knees and rising", "one slow bow at the waist",
    ),
    "squatting down and up": (
        "doing a squat", "bending the knees, going down and rising again", "lowering the hips and standing up again",
        "a knee bend down and up", "crouching and getting up again", "one squat exercise",
    ),
    "kneeling down": (
        "going from standing to kneeling", "lowering one knee and then the other to the floor",
        "getting down on the knees", "moving from upright to the knees", "dropping slowly to the knees",
        "changing from standing to kneeling",
    ),
    "standing up from kneeling": (
        "rising from the knees to standing", "getting up from the knees", "going from kneeling to standing",
        "pushing up from the floor to stand", "changing from kneeling to standing",
        "lifting the knees off the floor and standing up",
    ),
    "getting into a car": (
        "stepping into a car and sitting down on the seat", "entering a car",
        "lifting one leg into the car, bending and taking the seat", "climbing into a vehicle",
        "moving from standing beside a car to sitting in it", "sitting down in a car",
    ),
    "getting out of a car": (
        "stepping out of a car and standing up", "leaving a car",
        "swinging the legs out of the car and rising from the seat", "climbing out of a vehicle",
        "moving from sitting in a car to standing beside it", "getting up from a car seat",
    ),
    "getting in and out of a car": (
        "stepping into a car, sitting for a moment and stepping out", "entering a car and leaving it again",
        "taking a car seat and getting up from it again", "climbing into a vehicle and out again",
        "moving from standing to a car seat and back to standing", "getting into a car and getting out of it",
    ),
    "falling": (
        "falling to the ground", "losing balance and hitting the floor", "an accidental fall with a hard impact",
        "dropping to the floor and lying there", "a short free fall, a strong impact and then stillness",
        "collapsing onto the ground",
    ),
    "falling forward": (
        "falling forward onto the floor", "a forward fall with a hard impact",
        "tipping over to the front and landing on hands or knees", "losing balance and falling on the face",
        "pitching forward to the ground and lying there", "a fall to the front, then stillness",
    ),
    "falling backward": (
        "falling backward onto the floor", "a backward fall with a hard impact",
        "tipping over to the back and landing on the bottom", "losing balance and falling on the back",
        "dropping backward to the ground and lying there", "a fall to the rear, then stillness",
    ),
    "falling sideways": (
        "falling sideways onto the floor", "a lateral fall with a hard impact",
        "tipping over to the side and landing on the hip", "losing balance and falling on one side",
        "dropping sideways to the ground and lying there", "a fall to the side, then stillness",
    ),
    "falling vertically": (
        "collapsing straight down to the floor", "fainting and sinking to the ground",
        "a vertical fall after losing consciousness", "the legs giving way, the body dropping down",
        "passing out and collapsing", "sinking down with a hard impact, then stillness",
    ),
    "falling to the left side": (
        "falling to the left and landing on the hip", "a fall onto the left side with a hard impact",
        "tipping over to the left", "losing balance and falling on the left side",
        "dropping to the left and lying there", "a sideways fall to the left, then stillness",
    ),
    "falling to the right side": (
        "falling to the right and landing on the hip", "a fall onto the right side with a hard impact",
        "tipping over to the right", "losing balance and falling on the right side",
        "dropping to the right and lying there", "a sideways fall to the right, then stillness",
    ),
    "timed up and go": (
        "rising from a chair, walking a few meters, turning, walking back and sitting down",
        "a mobility test with a chair and a short walk",
        "getting up, walking to a mark and back, and sitting down again",
        "standing up from a chair, a short walk with a turn, and sitting down",
        "going from sitting through walking back to sitting", "one round from a chair and back to it",
    ),
    "stepping up": (
        "stepping up onto a step", "lifting one foot and then the other onto a step", "climbing a single step",
        "raising the body onto a low platform", "going up one step", "placing a foot on a step and pushing up",
    ),
    "picking up an object": (
        "picking something up", "bending down and lifting an object", "reaching down to grasp something and rising",
        "lifting an object off the floor", "leaning forward to pick something up", "taking something up with a hand",
    ),
    "putting on and taking off a jacket": (
        "putting on a jacket and taking it off again", "slipping the arms into the sleeves and out again",
        "dressing in a jacket and undressing", "getting into a coat and out of it",
        "large arm movements while putting a jacket on and off", "donning and doffing a jacket",
    ),
    "holding still": (
        "holding the hand still", "keeping a device motionless in the hand", "not moving",
        "a hand at rest, nothing but gravity", "a still hand with a small tremor", "staying motionless",
    ),
    "working at a computer": (
        "sitting at a desk and using a computer", "desk work with keyboard and mouse", "office work at a screen",
        "being seated and typing", "working on a laptop", "sitting still with small movements of the hands",
    ),
    "brushing teeth": (
        "cleaning the teeth with a toothbrush", "small fast back and forth movements of the hand near the mouth",
        "scrubbing the teeth", "dental hygiene with a toothbrush in hand", "brushing one's teeth at a sink",
        "rapid oscillation of the wrist while cleaning teeth",
    ),
    "drinking": (
        "drinking from a cup or a glass", "lifting a glass to the mouth and putting it down",
        "raising the hand to the mouth and tilting a cup", "having a drink", "sipping from a cup",
        "taking a gulp of water",
    ),
    "eating": (
        "having a meal", "moving food from the plate to the mouth",
        "lifting a hand to the mouth again and again while seated", "eating at a table", "taking bites of food",
        "feeding oneself",
    ),
    "writing": (
        "writing by hand on paper", "small movements of the hand holding a pen", "taking notes with a pen",
        "sitting at a table and writing", "handwriting", "drawing letters with a pen",
    ),
    "typing": (
        "typing on a keyboard", "tapping keys with the fingers", "small fast movements of the fingers, wrists resting",
        "sitting at a desk and typing text", "entering text at a computer", "keyboard work",
    ),
    "clapping": (
        "clapping the hands together", "applauding", "repeated sharp impacts of the palms",
        "bringing both hands together quickly again and again", "giving applause", "rhythmic hand claps",
    ),
    "waving": (
        "waving a hand from side to side", "greeting someone with a raised hand",
        "swinging the forearm left and right in the air", "a waving gesture", "saying goodbye with the hand",
        "oscillating a raised hand",
    ),
    "throwing": (
        "throwing a ball with the arm", "a fast forward swing of the arm and release", "hurling an object",
        "swinging the arm overhead to throw", "tossing something away", "one strong throwing motion",
    ),
    "shaking an object": (
        "shaking something in the hand", "fast back and forth movements of the hand",
        "shaking a device again and again", "quick oscillation of the hand and forearm",
        "rattling an object held in the hand", "moving the hand rapidly up and down",
    ),
    "swinging a tennis racket backhand": (
        "a backhand swing in tennis", "swinging the arm from the other side of the body outward",
        "hitting a tennis ball with the back of the hand forward", "a backhand stroke with a racket",
        "a swing that begins across the body", "playing a backhand",
    ),
    "drawing the letter s": (
        "writing an s in the air", "moving the hand along an s", "tracing two opposite curves with the hand",
        "a gesture in the shape of an s", "drawing an s shape in front of the body",
        "a curved line left and then right",
    ),
    "drawing the letter z": (
        "writing a z in the air", "moving the hand along a z", "tracing a zigzag of three strokes with the hand",
        "a gesture in the shape of a z", "drawing the sign of zorro", "a stroke across, a diagonal and a stroke across",
    ),
    "kicking a soccer ball": (
        "kicking a ball with the foot", "swinging a leg forward to hit a ball", "playing with a soccer ball",
        "passing a football back and forth", "steps and kicks with a ball",
        "striking a ball with the foot again and again",
    ),
    "lunging": (
        "stepping far forward and bending the knee", "a long step forward with a deep knee bend", "a lunge exercise",
        "lowering the body with one leg in front", "moving into a split stance and back",
        "strength exercise of the legs with a long step",
    ),
    "boxing": (
        "punching forward with the fists", "throwing punches", "fast forward thrusts of the arms", "shadow boxing",
        "striking the air with the fists", "alternating punches",
    ),
    "knee rolling": (
        "lying on the back and rolling the bent knees from side to side",
        "rotating the lower back by moving the knees left and right",
        "a physiotherapy exercise on a mat with rolling knees", "both knees together, swinging slowly to each side",
        "lower back rotation while lying", "slow side to side rotation of the thighs",
    ),
    "bridging": (
        "lying on the back and lifting the hips off the floor", "raising the pelvis into a bridge and lowering it",
        "a bridge exercise on a mat", "pushing the hips up with bent knees",
        "strengthening the back by lifting the pelvis", "slow up and down movement of the hips while lying",
    ),
    "pelvic tilt": (
        "lying on the back and tilting the pelvis", "flattening the lower back against the floor and releasing it",
        "small slow movements of the pelvis while lying", "a mat exercise for the lower back",
        "rocking the pelvis with bent knees", "tightening the stomach to press the back into the mat",
    ),
    "bilateral clam": (
        "lying and opening both knees apart like a clam", "moving the bent knees apart and together",
        "a clamshell exercise on a mat", "rotating the thighs outward against resistance",
        "opening and closing the knees while lying", "strengthening the hips by parting the knees",
    ),
    "repeated extension in lying": (
        "lying on the stomach and pushing the upper body up with the arms",
        "extending the back again and again while prone", "press-ups of the trunk with the hips on the mat",
        "arching the back while lying face down", "a mat exercise that extends the spine",
        "raising and lowering the chest while lying on the front",
    ),
    "prone punches": (
        "lying on the front and punching forward with the arms", "alternating arm punches while face down",
        "a mat exercise with punches from a prone position", "stretching one arm forward after the other while prone",
        "punching forward close to the floor", "strengthening the back with punches while lying face down",
    ),
    "superman": (
        "lifting the opposite arm and leg off the floor", "stretching arms and legs like a flying superman",
        "a mat exercise raising one arm and the other leg",
        "extending arm and leg while on hands and knees or face down", "a balance exercise for the back",
        "slowly raising and lowering a stretched leg and arm",
    ),
} | HAND_PARAPHRASES
# fmt: on

# Such keys -> what people call it.
CALLED = CALLED_MOVEMENTS | CALLED_TASKS

# The same keys -> what they say of it besides, loosely, rarely or by a situation. What a name means is learned from
# these too; a network that read them as well named unseen datasets worse (docs/experiments/words.md).
SAID = SAID_MOVEMENTS | SAID_TASKS

# Labels that differ from their group in pace only, and use the entry of that pace.
_SAME_PACE = {
    "walking quickly": "walking fast",
    "walking briskly": "walking fast",
    "fast walking": "walking fast",
    "brisk walking": "walking fast",
    "walking at a fast pace": "walking fast",
    "slow walking": "walking slowly",
    "walking at a slow pace": "walking slowly",
}


# How tables, of pandas, R and spreadsheets, write that there is no value.
_NO_VALUE = frozenset(("", "nan", "-nan", "na", "n/a", "<na>", "#n/a", "#na", "nat", "none", "null", "1.#qnan"))


def is_no_value(text: str) -> bool:
    """Whether a string is what a table writes where there is nothing: blank, "nan", "NULL", "n/a" and the like."""
    return text.strip().lower() in _NO_VALUE


def clean_label(label: str) -> str:
    """An identifier as a phrase: `walkingUpstairs`, `WALKING_UPSTAIRS` and `walking-upstairs` -> "walking upstairs".

    A label that already holds several words is a phrase and keeps its hyphens ("drawing a circle counter-clockwise");
    only case and white space are normalised. Cleaning a clean label changes nothing.

    Raises:
        TypeError: the label is no string.
        ValueError: the label is empty, or holds no letter.
    """
    phrase = normalise(label)  # refuses what is no label
    if " " not in phrase:
        words = re.sub(r"[_\-./\\]+", " ", label.strip())
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", words)
        phrase = " ".join(words.casefold().split())
    if not any(character.isalpha() for character in phrase):
        raise ValueError(
            f"an activity label must hold a letter, found {label!r}; write it in words, codes of a "
            "dataset by its label table"
        )
    return phrase


def phrasings(label: str) -> tuple[str, ...]:
    """The label itself, templates around its cleaned form, and paraphrases where the table knows the activity.

    Deterministic, without duplicates, the label first exactly as given (white space at its ends removed). Works for any
    string that `clean_label` accepts and raises what it raises. A label without paraphrases of its own takes those of
    its synonym group if it is listed there.
    """
    phrase = clean_label(label)
    templates = VERB_TEMPLATES if phrase.split()[0].endswith("ing") else NOUN_TEMPLATES
    paraphrases = PARAPHRASES.get(_key(phrase, PARAPHRASES), ())
    return tuple(dict.fromkeys((label.strip(), *(template.format(phrase) for template in templates), *paraphrases)))


def read_in_training(label: str) -> tuple[str, ...]:
    """`phrasings`, and what people call the activity, or its synonym group, where the tables know it."""
    phrase = clean_label(label)
    return tuple(dict.fromkeys((*phrasings(label), *CALLED.get(_key(phrase, CALLED), ()))))


def ways_to_say(label: str) -> tuple[str, ...]:
    """`read_in_training`, and what people say of it besides."""
    phrase = clean_label(label)
    return tuple(dict.fromkeys((*read_in_training(label), *SAID.get(_key(phrase, SAID), ()))))


def has_paraphrases(label: str) -> bool:
    """Whether the table describes the activity, or its synonym group. Raises as `clean_label` does."""
    return _key(clean_label(label), PARAPHRASES) in PARAPHRASES


def placement_text(placement: str | None) -> str:
    """Placement as the text encoder reads it: lower case, single spaces; None or blank -> "unknown placement"."""
    if placement is None or (isinstance(placement, str) and not placement.strip()):
        return UNKNOWN_PLACEMENT
    return clean_label(placement)


def placement_phrasings(placement: str | None) -> tuple[str, ...]:
    """Ways to write a placement, `placement_text` first; an unknown placement has that one phrasing only."""
    text = placement_text(placement)
    if text == UNKNOWN_PLACEMENT:
        return (text,)
    return tuple(template.format(text) for template in PLACEMENT_TEMPLATES)


def _key(phrase: str, table: Mapping[str, tuple[str, ...]]) -> str:
    """Entry of a table that describes the phrase: its own, that of its pace, or that of its group."""
    if phrase in table:
        return phrase
    return _SAME_PACE.get(phrase, group_of(phrase))
