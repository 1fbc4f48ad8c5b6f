"""Synonym groups of activity phrases, and which prediction counts as right for which truth.

Every dataset words its activities in its own way. A *group* gathers the phrases that describe the same body motion, so
that batches can be balanced over activities and an open-set prediction ("jogging", a training label of one dataset) can
be scored against a truth of another dataset ("running"). Three tables say everything:

`GROUPS`
    group name -> its phrases. Members of one group are interchangeable: each is a right answer for each other.
`IS_A`
    group -> the next coarser groups that are also true of it ("walking upstairs" is a way of "climbing stairs").
`MIXTURES`
    group -> its parts, for labels that cover several activities one after the other ("sitting down on a chair and
    getting up").

`ACCEPTED`, derived from these, is what scoring uses. For a truth it accepts

* a **coarser** prediction: "climbing stairs" for a window of "walking upstairs" is a true statement about the window;
* a **finer** prediction: a truth of "climbing stairs" does not say the direction and cannot refute "walking upstairs";
* for a mixture, any of its **parts**: a window of it may show that part alone. The reverse is not accepted: predicting
  a mixture for one of its parts claims motions that did not happen.

Siblings never match: "walking upstairs" is wrong for "walking downstairs", however it is reached.
"""

import functools
import itertools
import re
from collections.abc import Mapping, Sequence

# fmt: off
GROUPS: dict[str, tuple[str, ...]] = {
    # --- postures ---------------------------------------------------------------------------------------------
    "sitting": ("sit", "seated", "sitting still", "sitting on a chair", "being seated", "remaining seated"),
    "standing": ("stand", "standing still", "standing upright", "standing with subtle movements"),
    "standing with leg movements": ("standing with leg movement", "shuffling while standing", "shuffling on the spot"),
    "lying": ("lie", "laying", "lying down still", "lying still", "lying in bed", "resting in a lying position"),
    "lying on the back": (
        "lying on one's back", "lying on his or her back", "lying face up", "lying supine", "lying back", "supine",
    ),
    "lying on the stomach": (
        "lying on one's stomach", "lying face down", "lying prone", "lying stomach", "lying on the front", "prone",
    ),
    "lying on the left side": ("lying on one's left side", "lying on the left", "lying left"),
    "lying on the right side": ("lying on one's right side", "lying on the right", "lying right"),
    # Of a device in the hand: whether its holder sits, stands or lies is not said.
    "holding still": (
        "holding the hand still", "keeping the hand still", "keeping still", "at rest", "holding a device still",
    ),
    "kneeling": ("kneel", "kneeling on the floor", "being on one's knees"),
    "squatting": ("crouching", "squatting still", "squatting posture"),
    "being bent over": (
        "bent", "bent over", "bending", "bending over", "bent posture", "standing bent over", "staying bent over",
        "standing bent forward", "staying bent forward",
    ),
    "sitting and talking": (
        "sit and talk", "talking while sitting", "sitting and talking with someone", "sitting while talking",
    ),
    "standing and talking": (
        "stand and talk", "talking while standing", "standing and talking with someone", "standing while talking",
    ),
    # --- locomotion -------------------------------------------------------------------------------------------
    "walking": (
        "walk", "walking normally", "normal walking", "walking at a normal pace", "walking at a normal speed",
        "walking at a moderate pace", "walking at a moderate speed", "walking moderately", "walking slowly",
        "slow walking", "walking at a slow pace", "walking fast", "walking quickly", "fast walking", "brisk walking",
        "walking briskly", "walking at a fast pace", "strolling", "walking forward", "walking on level ground",
    ),
    "walking in place": ("walking on the spot", "stepping in place", "marching in place", "marching on the spot"),
    "walking in a circle to the left": ("walking left", "walking counter-clockwise in a circle"),
    "walking in a circle to the right": ("walking right", "walking clockwise in a circle"),
    "walking and talking": (
        "walk and talk", "walking and talking with someone", "walking while talking", "talking while walking",
        "walking and talking with another person",
    ),
    "walking with a load": ("walk with load", "walking with load", "walking while carrying a load", "load walking",
                            "walking while carrying something", "carrying a load while walking"),
    "nordic walking": ("nordic walk", "walking with poles"),
    "shuffling": ("shuffle", "shuffle walking", "shuffling walk", "walking with shuffling steps",
                  "walking with a shuffling gait", "shuffling along", "shuffling the feet"),
    "running": (
        "run", "jogging", "jog", "jogging slowly", "jogging quickly", "slow jogging", "fast jogging", "running slowly",
        "running fast", "running quickly", "jogging at a slow pace", "jogging at a fast pace",
    ),
    "running in place": ("running on the spot", "jogging in place", "jogging on the spot"),
    "climbing stairs": (
        "climb stairs", "stairs", "taking the stairs", "walking on stairs", "going up or down stairs",
        "going up or down the stairs", "going up and down stairs", "walking up or down stairs",
        "walking up and down stairs", "walking upstairs or downstairs", "walking upstairs and downstairs",
        "climbing stairs up or down", "climbing or descending stairs", "using the stairs",
        "walking up and down the stairs",
    ),
    "walking upstairs": (
        "walk upstairs", "ascending stairs", "ascend stairs", "ascending the stairs", "ascending", "upstairs",
        "stairs up", "going upstairs", "going up stairs", "going up the stairs", "walking up stairs",
        "walking up the stairs", "climbing up stairs", "climbing up the stairs", "climbing upstairs",
        "running upstairs", "stair ascent",
    ),
    "walking downstairs": (
        "walk downstairs", "descending stairs", "descend stairs", "descending the stairs", "descending", "downstairs",
        "stairs down", "going downstairs", "going down stairs", "going down the stairs", "walking down stairs",
        "walking down the stairs", "climbing down stairs", "climbing down the stairs", "running downstairs",
        "stair descent",
    ),
    "climbing stairs and talking": (
        "climb stairs and talk", "climbing stairs while talking", "going up or down stairs and talking",
        "going up or down stairs while talking", "walking up or down stairs while talking",
        "walking up or down stairs and talking", "talking while climbing stairs",
        "going up or down the stairs while talking", "going up or down the stairs and talking",
        "walking upstairs and downstairs while talking", "walking upstairs and downstairs and talking",
    ),
    "stepping up": ("step up", "stepping up onto a step", "stepping onto a step", "stepping up a step"),
    "stepping up and down": ("stepping up and down a step", "step ups", "doing step ups"),
    "jumping": ("jump", "continuous jumping", "jumping continuously", "hopping", "jumping up and down",
                "jumping on the spot", "jumping forward and backward", "jumping front and back"),
    "jumping to reach something": (
        "jumping gently to reach a high object", "gently jumping to reach a high object",
        "jumping gently trying to reach a high object", "jumping to reach a high object",
        "gently jumping without falling to reach a high object", "jumping gently", "gently jumping",
    ),
    "jumping rope": ("rope jumping", "skipping rope", "rope skipping"),
    "stumbling": ("stumble", "stumbling while walking", "stumble while walking", "tripping while walking"),
    "turning around": ("turn", "turning", "turning on the spot", "turning around while standing", "turning round"),
    "hopping on one leg": ("hopping on one foot",),
    "jumping jacks": ("doing jumping jacks",),
    "cycling": ("riding a bicycle", "riding a bike", "biking", "bicycling"),
    "stationary cycling": ("cycling on an exercise bike", "riding an exercise bike"),
    "cycling while sitting": ("cycling seated", "riding a bicycle while sitting"),
    "cycling while standing": ("cycling out of the saddle", "riding a bicycle while standing"),
    "sitting on a bicycle without pedalling": ("coasting on a bicycle while sitting",),
    "standing on a bicycle without pedalling": ("coasting on a bicycle while standing",),
    "sitting in a vehicle": ("riding in a vehicle while sitting", "sitting in a car, bus or train"),
    "standing in a vehicle": ("riding in a vehicle while standing", "standing in a bus or train"),
    "riding in an elevator": ("standing in an elevator", "taking the elevator"),
    "riding up in an elevator": ("taking the elevator up", "standing in an elevator going up"),
    "riding down in an elevator": ("taking the elevator down", "standing in an elevator going down"),
    "miscellaneous movement": (
        "misc movement", "miscellaneous movements", "moving around in various ways", "other movement",
        "miscellaneous movements of the body", "making miscellaneous movements",
    ),
    # --- changes of posture -----------------------------------------------------------------------------------
    "sitting down": (
        "sit down", "sitting down on a chair", "sitting down in a chair", "sitting down onto a chair", "sit chair",
        "stand to sit", "standing to sitting", "going from standing to sitting", "changing from standing to sitting",
        "moving from standing to sitting", "lowering oneself onto a chair", "sitting down from standing",
        "taking a seat", "sitting down while talking", "sitting down and talking",
        "going from standing to sitting and talking", "sitting down and starting to talk",
    ),
    "standing up": (
        "stand up", "standing up from a chair", "getting up from a chair", "rising from a chair", "sit to stand",
        "sitting to standing", "going from sitting to standing", "changing from sitting to standing",
        "moving from sitting to standing", "standing up from sitting", "getting up from sitting",
        "standing up while talking", "standing up after sitting and talking", "standing up after talking",
        "going from sitting and talking to standing", "standing up from sitting and talking",
    ),
    # Pace and height of the chair are left out here: `group_of` ignores them within this group (see PACE_WORDS).
    "sitting down and getting up": (
        "sitting down and standing up", "sitting down on a chair and getting up", "sitting on a chair and getting up",
        "sitting down on a chair and standing up", "sitting down in a chair and getting up",
        "sitting down in a chair and standing up", "sitting in a chair and getting up",
        "sitting down on a chair and getting up again", "sitting down in a chair and getting up again",
        "sitting down on a chair, waiting and getting up", "sitting down and getting up again",
    ),
    "collapsing into a chair": (
        "collapsing back into a chair", "trying to get up and collapsing into a chair", "collapsing onto a chair",
        "trying to get up from a chair and collapsing back into it", "falling back into a chair",
        "trying to get up and collapsing back into a chair", "trying to stand up and collapsing into a chair",
    ),
    "lying down": ("lie down", "going to lie down", "lying down on a bed", "lie down on bed", "lying down in bed",
                   "getting into bed", "lying down on the bed", "liedown bed"),
    "lying down from sitting": ("sit to lie", "sitting to lying", "going from sitting to lying",
                                "changing from sitting to lying", "moving from sitting to lying"),
    "lying down from standing": ("stand to lie", "standing to lying", "going from standing to lying",
                                 "changing from standing to lying", "moving from standing to lying"),
    "getting up from lying": ("getting up from bed", "getting out of bed", "getting up from a bed", "get up bed",
                              "getting up from the bed", "rising from bed", "getting up from the floor"),
    "sitting up from lying": ("lie to sit", "lying to sitting", "going from lying to sitting", "sitting up",
                              "changing from lying to sitting", "moving from lying to sitting", "sitting up in bed"),
    "standing up from lying": ("lie to stand", "lying to standing", "going from lying to standing",
                               "changing from lying to standing", "moving from lying to standing"),
    "lying down and sitting up": (
        "lying down and sitting up again", "lying down and sitting again", "lying down and getting up",
        "lying down from sitting and sitting up", "lying down from sitting and sitting up again",
        "sitting, lying down and sitting up", "sitting, lying down and sitting again",
        "sitting, lying down and sitting up again", "going from sitting to lying and sitting up again",
        "lying down from sitting and sitting again",
    ),
    "turning over while lying": (
        "changing side while lying", "rolling over in bed", "rolling from the back to the side while lying",
        "changing sides while lying", "turning from the back onto the side while lying", "rolling over while lying",
        "turning from the back to the side and back while lying", "turning over in bed",
        "rolling from the back to the side and back while lying", "changing from the back to the side while lying",
        "rolling from the back onto the side and back",
    ),
    "bending down": ("bend", "bending forward", "bend down", "bending down from standing", "bending over to the floor",
                     "stooping", "leaning down"),
    "straightening up": ("straighten", "straightening", "bend to straighten", "straightening up from bending",
                         "straightening up after bending", "bend to straight", "getting up from bending"),
    "bending down and getting up": (
        "bending without bending the knees and getting up", "slowly bending and getting up",
        "bending forward and getting up", "bending down and straightening up", "bending and getting up",
        "bending down with straight knees and getting up", "bending without bending knees and getting up",
        "slowly bending without bending the knees and getting up", "bending forward and straightening up",
        "bending over with straight legs and getting up", "bending at the waist and getting up",
        "bending down with straight legs and getting up", "bending over with straight knees and getting up",
        "bending down slowly with straight knees and getting up", "bending over and straightening up",
    ),
    "squatting down and up": (
        "doing a squat", "doing squats", "squat", "squat exercise", "two arms forward squat",
        "bending at the knees and getting up",
        "slowly bending at the knees and getting up", "bending the knees and getting up", "squatting down and rising",
        "squatting down and standing up", "squatting down and getting up", "bending at knees and getting up",
        "slowly bending the knees and getting up", "bending down at the knees and getting up",
        "bending down slowly at the knees and getting up",
    ),
    "tying the shoes": (
        "tying shoes", "tying shoelaces", "crouching, tying the shoes and getting up", "crouching to tie the shoes",
    ),
    "kneeling down": ("kneel down", "stand to kneel", "standing to kneeling", "going from standing to kneeling",
                      "changing from standing to kneeling", "moving from standing to kneeling"),
    "standing up from kneeling": ("kneel to stand", "kneeling to standing", "going from kneeling to standing",
                                  "changing from kneeling to standing", "moving from kneeling to standing",
                                  "getting up from kneeling"),
    "starting to walk": ("stand to walk", "standing to walking", "going from standing to walking",
                         "starting to walk from standing", "starting walking",
                         "changing from standing to walking"),
    "stopping walking": ("walk to stand", "walking to standing", "going from walking to standing", "stopping to walk",
                         "changing from walking to standing", "coming to a stop", "stopping after walking"),
    "starting to climb stairs": (
        "stand to climb stairs", "going from standing to climbing stairs", "starting to climb stairs from standing",
        "standing to climbing stairs", "changing from standing to climbing stairs", "starting to use the stairs",
    ),
    "walking off the stairs": (
        "climb stairs to walk", "going from climbing stairs to walking", "climbing stairs to walking",
        "changing from climbing stairs to walking", "going from stairs to walking", "walking after climbing stairs",
        "climbing stairs and then walking", "going from climbing stairs and talking to walking and talking",
        "climbing stairs and talking to walking and talking", "leaving the stairs and walking on",
    ),
    "getting into a car": ("stepping into a car", "car step in", "entering a car", "getting in a car",
                           "step in a car"),
    "getting out of a car": ("stepping out of a car", "car step out", "leaving a car", "exiting a car",
                             "step out a car"),
    "getting in and out of a car": (
        "getting into a car and getting out", "getting into and out of a car", "getting into a car and out of it",
        "getting into a car, sitting and getting out", "getting into a car and getting out of it",
        "getting into a car, remaining seated and getting out", "getting into a car and out again",
        "getting into a car, staying seated and getting out of the car",
    ),
    "timed up and go": (
        "timed up and go test", "doing a timed up and go test", "tug test", "doing a tug test",
        "standing up, walking, turning around, walking back and sitting down",
    ),
    "standing up, walking and climbing stairs": (
        "standing up, walking and going up or down stairs", "standing up, walking and going up and down stairs",
        "standing up, walking and going up or down the stairs", "standing up, walking or going up or down stairs",
        "standing up, walking and taking the stairs", "standing up, walking and going up down stairs",
        "standing up, walking and using stairs", "standing up, walking and using the stairs",
    ),
    # --- falls ------------------------------------------------------------------------------------------------
    # The circumstances of a fall ("while walking", "caused by a slip") are left out here, see CIRCUMSTANCE_WORDS.
    "falling": (
        "fall", "falling down", "falling to the ground", "falling over",
        "fainting and falling with the hands on a table",
    ),
    "falling forward": (
        "forward fall", "fall forward", "falling forwards", "falling forward lying", "forward lying",
        "front knees lying", "falling forward onto the hands", "falling forward on the hands",
        "falling forward onto the knees", "falling forward on the knees",
    ),
    "falling backward": (
        "backward fall", "fall backward", "falling backwards", "falling backward onto a chair", "back sitting chair",
    ),
    "falling sideways": (
        "lateral fall", "sideward fall", "fall sideways", "falling laterally", "falling sideward", "falling sidewards",
        "falling to the side", "sideward lying", "falling sideward lying",
    ),
    "falling to the left side": (
        "falling to the left", "falling onto the left side", "left fall", "falling sideways to the left",
    ),
    "falling to the right side": (
        "falling to the right", "falling onto the right side", "right fall", "falling sideways to the right",
    ),
    "falling vertically": (
        "vertical fall", "fainting", "collapsing", "collapsing to the ground", "fainting and falling down",
        "fainting and falling",
    ),
    # --- hands and household ----------------------------------------------------------------------------------
    "working at a computer": ("computer work", "working on a computer", "using a computer", "working at the computer"),
    "typing": ("typing on a keyboard", "typing on keyboard"),
    "writing": ("writing by hand", "handwriting"),
    "watching tv": ("watching television", "watching the television"),
    "driving a car": ("car driving", "driving"),
    "using a computer mouse": ("using a mouse", "moving a computer mouse"),
    "reading": ("reading a book", "reading a newspaper", "reading a magazine"),
    "brushing teeth": ("brush teeth", "brushing one's teeth", "brushing the teeth", "teeth brushing"),
    "combing hair": ("comb hair", "combing one's hair", "combing the hair"),
    "shaving": ("shaving one's face", "shaving the beard"),
    "eating": ("eating a meal", "eating food"),
    "eating soup": ("eat soup", "eating with a spoon", "eating soup with a spoon"),
    "eating chips": ("eat chips", "eating crisps"),
    "eating pasta": ("eat pasta",),
    "eating a sandwich": ("eat sandwich", "eating sandwich"),
    "eating meat": ("eat meat", "eating meat with a fork and knife", "eating with knife and fork",
                    "eating with fork and knife", "eating meat with knife and fork"),
    "drinking": ("drinking from a cup", "drinking from a glass", "drink glass", "drinking a glass of water",
                 "drinking water"),
    "pouring water": ("pour water", "pouring water into a glass", "pouring a drink"),
    "using a telephone": ("use telephone", "talking on the phone", "making a phone call", "using the telephone",
                          "using a phone", "telephoning"),
    "texting on a phone": ("typing on a phone", "texting", "writing a text message", "typing on a smartphone"),
    "cooking": ("cooking food", "cooking a meal", "preparing food", "preparing a meal"),
    "stirring": ("stirring in a pot", "stirring with a spoon"),
    "chopping": ("chopping vegetables", "cutting vegetables"),
    "peeling": ("peeling vegetables", "peeling potatoes", "peeling fruit"),
    "opening a jar": ("opening the lid of a jar", "unscrewing a lid", "opening a bottle"),
    "raising the hands": ("raising both hands", "hands up", "raising both arms", "lifting both arms",
                          "raising both arms in front", "frontal elevation of arms"),
    "opening a door": ("opening door", "opening the door"),
    "closing a door": ("closing the door", "shutting a door"),
    "opening and closing a door": ("opening and closing door", "opening a door and closing it"),
    "opening a fridge": ("opening the fridge", "opening a refrigerator"),
    "closing a fridge": ("closing the fridge", "closing a refrigerator"),
    "opening a dishwasher": ("opening the dishwasher",),
    "closing a dishwasher": ("closing the dishwasher",),
    "opening a drawer": ("opening the drawer", "pulling a drawer open"),
    "closing a drawer": ("closing the drawer", "pushing a drawer shut"),
    "wiping a table": ("wiping the table", "cleaning a table", "cleaning the table"),
    "toggling a switch": ("toggling the switch", "switching a light on or off", "pressing a light switch"),
    "hitting a table with the hand": ("hitting the table with the hand", "hit table", "slapping a table"),
    "folding clothes": ("folding laundry", "folding the laundry", "folding the clothes"),
    "ironing": ("ironing clothes", "ironing laundry"),
    "vacuum cleaning": ("vacuuming", "vacuum cleaning the floor", "vacuuming the floor"),
    "sweeping": ("sweeping the floor", "sweeping with a broom"),
    "washing hands": ("washing one's hands", "washing the hands", "washing hand"),
    "washing the face": ("washing one's face", "washing face"),
    "washing dishes": ("washing the dishes", "doing the dishes", "washing up"),
    "mopping": ("mopping the floor", "mopping floor"),
    "wiping a window": ("cleaning a window", "cleaning windows", "wiping the window"),
    "putting on shoes": ("putting shoes on",),
    "picking up an object": (
        "pick up object", "picking something up", "picking up something", "picking an object up", "picking up objects",
        "picking up an object from the floor", "picking something up from the floor",
    ),
    "putting on and taking off a jacket": (
        "put on and take off jacket", "putting a jacket on and taking it off", "putting on and taking off a coat",
        "putting a coat on and taking it off",
    ),
    "putting on a jacket": ("putting a jacket on", "putting on a coat", "putting a coat on"),
    "taking off a jacket": ("taking a jacket off", "taking off a coat", "taking a coat off"),
    "house cleaning": ("cleaning the house", "cleaning the home", "dusting and cleaning the house"),
    # --- sport, exercise and gestures -------------------------------------------------------------------------
    "playing soccer": ("playing football", "soccer", "playing a game of soccer"),
    "kicking a soccer ball": ("kicking a ball", "kicking soccer ball", "kicking"),
    "catching": ("catch", "catching a ball", "hand catching", "catching an object"),
    "playing catch": ("playing catch with a ball", "playing catch with a tennis ball", "throwing and catching a ball"),
    "throwing": ("throw", "throwing a ball", "throwing an object", "throwing with the right hand", "overarm throw",
                 "throwing a baseball", "baseball throw", "pitching a baseball"),
    "picking up and throwing": ("pick up and throw", "picking up an object and throwing it", "pickup and throw",
                                "picking something up and throwing it", "picking up something and throwing it"),
    "dribbling a basketball": ("dribbling basketball", "dribbling a ball", "dribbling",
                               "bouncing a basketball"),
    "shooting a basketball": ("basketball shoot", "basketball shot", "basketball shooting",
                              "throwing a basketball at the basket"),
    "clapping": ("clap", "clapping hands", "clapping the hands", "clapping one's hands", "hand clapping"),
    "pointing": ("pointing at something", "pointing with the arm"),
    "waving": ("wave", "waving a hand", "waving the hand", "waving with the right hand", "right hand wave",
               "waving the right hand"),
    "swiping left": (
        "swipe left", "swiping the arm to the left", "swiping to the left", "swiping an arm to the left",
        "swiping left with the right arm", "swiping the right arm to the left", "right arm swipe left",
        "swiping to the left with the right arm", "swiping left with the right hand", "swiping left with the arm",
    ),
    "swiping right": (
        "swipe right", "swiping the arm to the right", "swiping to the right", "swiping an arm to the right",
        "swiping right with the right arm", "swiping the right arm to the right", "right arm swipe right",
        "swiping to the right with the right arm", "swiping right with the right hand", "swiping right with the arm",
    ),
    "crossing the arms": ("arm cross", "crossing arms", "crossing the arms in front of the chest",
                          "cross arms in the chest", "crossing both arms", "crossing the arms on the chest"),
    "drawing an x": ("draw x", "drawing an x in the air", "drawing an x with the hand",
                     "drawing a cross in the air"),
    "drawing a circle": ("draw circle", "drawing a circle in the air"),
    "drawing a circle clockwise": ("draw circle clockwise", "drawing a circle clockwise in the air",
                                   "drawing a clockwise circle", "drawing a clockwise circle in the air",
                                   "drawing a circle in the air clockwise"),
    "drawing a circle counter-clockwise": (
        "draw circle counter-clockwise", "drawing a circle counter-clockwise in the air",
        "drawing a counter-clockwise circle", "drawing a counter-clockwise circle in the air",
        "drawing a circle counterclockwise", "drawing a counterclockwise circle",
        "drawing a counterclockwise circle in the air", "drawing a circle in the air counter-clockwise",
        "drawing a circle counterclockwise in the air", "drawing a circle in the air counterclockwise",
    ),
    "drawing a triangle": ("draw triangle", "drawing a triangle in the air", "drawing a triangle with the hand"),
    "drawing the letter s": ("drawing the letter s in the air", "drawing an s", "drawing an s in the air",
                             "writing an s in the air"),
    "drawing the letter z": ("drawing the letter z in the air", "drawing a z", "drawing a z in the air",
                             "writing a z in the air", "drawing the sign of zorro in the air"),
    "shaking an object": ("shaking an object in the hand", "shaking a device", "shaking something in the hand",
                          "shaking something", "shaking a device in the hand"),
    "bowling": ("bowling a ball", "rolling a bowling ball", "throwing a bowling ball", "bowling a ball underhand",
                "underhand bowling"),
    "boxing": ("punching", "front boxing", "boxing with the fists"),
    "swinging a baseball bat": ("baseball swing", "baseball bat swing", "swinging a bat"),
    "swinging a tennis racket": ("tennis swing",),
    "swinging a tennis racket forehand": (
        "tennis forehand swing", "forehand tennis swing", "hitting a tennis forehand", "playing a tennis forehand",
        "forehand tennis",
    ),
    "swinging a tennis racket backhand": (
        "tennis backhand swing", "backhand tennis swing", "hitting a tennis backhand", "playing a tennis backhand",
        "backhand tennis",
    ),
    "serving in tennis": ("tennis serve", "serving a tennis ball", "making a tennis serve", "playing a tennis serve"),
    "curling the arms": ("arm curl", "arm curls", "two arm curl", "curling both arms", "doing arm curls",
                         "doing an arm curl", "lifting weights with an arm curl", "curling the arm"),
    "pushing": ("push", "two hand push", "pushing with both hands", "pushing with two hands",
                "pushing forward with both hands", "pushing something forward"),
    "knocking on a door": ("knock", "knocking", "right hand knock on a door", "knocking on the door",
                           "knocking on a door with the right hand"),
    "rowing": ("rowing on a rowing machine", "using a rowing machine"),
    "lunging": ("lunge", "forward lunge", "doing a lunge", "doing lunges", "lunging forward",
                "doing a forward lunge", "lunging forward with the left foot"),
    "knee rolling": (
        "knee roll", "knee rolling exercise", "rolling the knees from side to side while lying",
        "doing knee rolls while lying on the back", "rolling the knees while lying on the back",
        "rolling the knees from side to side while lying on the back",
    ),
    "bridging": (
        "bridge exercise", "bridging exercise", "lifting the hips while lying on the back", "doing a bridge exercise",
        "raising the hips in a bridge", "lifting the hips into a bridge while lying on the back",
    ),
    "pelvic tilt": ("pelvic tilts", "pelvic tilt exercise", "tilting the pelvis", "pelvic tilting",
                    "tilting the pelvis while lying on the back", "doing pelvic tilts"),
    "bilateral clam": (
        "bilateral clams", "clam exercise", "bilateral clam exercise", "clamshell exercise",
        "opening the knees in a clam exercise", "doing a bilateral clam exercise",
        "opening the knees like a clam while lying on the side", "opening the knees like a clam",
    ),
    "repeated extension in lying": (
        "repeated extensions in lying", "repeated back extension while lying prone",
        "extending the back while lying on the stomach", "repeated back extension in lying",
        "press-up back extensions while lying", "repeated back extensions while lying on the stomach",
        "pressing the chest up while lying on the stomach",
    ),
    "prone punches": (
        "prone punch", "prone punch exercise", "punching while lying prone", "punching while lying on the stomach",
        "punching forward while lying on the stomach", "punching while on hands and knees",
        "punching forward with alternating arms on hands and knees",
    ),
    "superman": (
        "superman exercise", "extending an arm and the opposite leg", "doing the superman exercise",
        "stretching out the opposite arm and leg on hands and knees",
        "stretching out one arm and the opposite leg on hands and knees",
    ),
}

IS_A: dict[str, tuple[str, ...]] = {
    "lying on the back": ("lying",),
    "lying on the stomach": ("lying",),
    "lying on the left side": ("lying",),
    "lying on the right side": ("lying",),
    "sitting and talking": ("sitting",),
    "standing and talking": ("standing",),
    "standing with leg movements": ("standing",),
    # Seated by the protocols that record them; a window of sitting at a desk is not refuted by "typing".
    "working at a computer": ("sitting",),
    "typing": ("sitting", "working at a computer"),
    "using a computer mouse": ("sitting", "working at a computer"),
    "writing": ("sitting",),
    "driving a car": ("sitting",),
    "stirring": ("cooking",),
    "chopping": ("cooking",),
    "peeling": ("cooking",),
    "sitting in a vehicle": ("sitting",),
    "standing in a vehicle": ("standing",),
    "walking in place": ("walking",),
    "walking in a circle to the left": ("walking",),
    "walking in a circle to the right": ("walking",),
    "walking and talking": ("walking",),
    "walking with a load": ("walking",),
    "nordic walking": ("walking",),
    "shuffling": ("walking",),
    "running in place": ("running",),
    "walking upstairs": ("climbing stairs",),
    "walking downstairs": ("climbing stairs",),
    "climbing stairs and talking": ("climbing stairs",),
    "jumping to reach something": ("jumping",),
    "jumping rope": ("jumping",),
    "hopping on one leg": ("jumping",),
    "jumping jacks": ("jumping",),
    "stationary cycling": ("cycling",),
    "cycling while sitting": ("cycling",),
    "cycling while standing": ("cycling",),
    "sitting on a bicycle without pedalling": ("cycling",),
    "standing on a bicycle without pedalling": ("cycling",),
    "riding up in an elevator": ("riding in an elevator",),
    "riding down in an elevator": ("riding in an elevator",),
    "lying down from sitting": ("lying down",),
    "lying down from standing": ("lying down",),
    "sitting up from lying": ("getting up from lying",),
    "standing up from lying": ("getting up from lying",),
    "squatting down and up": ("squatting",),
    "collapsing into a chair": ("sitting down",),
    "falling forward": ("falling",),
    "falling backward": ("falling",),
    "falling sideways": ("falling",),
    "falling vertically": ("falling",),
    "falling to the left side": ("falling sideways",),
    "falling to the right side": ("falling sideways",),
    "eating soup": ("eating",),
    "eating chips": ("eating",),
    "eating pasta": ("eating",),
    "eating a sandwich": ("eating",),
    "eating meat": ("eating",),
    "drawing a circle clockwise": ("drawing a circle",),
    "drawing a circle counter-clockwise": ("drawing a circle",),
    "swinging a tennis racket forehand": ("swinging a tennis racket",),
    "swinging a tennis racket backhand": ("swinging a tennis racket",),
}

MIXTURES: dict[str, tuple[str, ...]] = {
    "sitting down and getting up": ("sitting down", "sitting", "standing up"),
    "collapsing into a chair": ("sitting",),
    "lying down and sitting up": ("lying down from sitting", "lying", "sitting up from lying", "sitting"),
    "turning over while lying": ("lying on the back", "lying on the left side", "lying on the right side"),
    "bending down and getting up": ("bending down", "being bent over", "straightening up"),
    "tying the shoes": ("squatting", "squatting down and up"),
    "opening and closing a door": ("opening a door", "closing a door"),
    "getting in and out of a car": ("getting into a car", "sitting", "getting out of a car"),
    "standing up, walking and climbing stairs": ("standing up", "walking", "climbing stairs"),
    "starting to walk": ("standing", "walking"),
    "stopping walking": ("walking", "standing"),
    "starting to climb stairs": ("standing", "climbing stairs"),
    "walking off the stairs": ("climbing stairs", "walking"),
    "timed up and go": ("sitting", "standing up", "walking", "turning around", "sitting down"),
    "putting on and taking off a jacket": ("putting on a jacket", "taking off a jacket"),
    "stepping up and down": ("stepping up",),
    "picking up and throwing": ("picking up an object", "throwing"),
    "playing catch": ("catching", "throwing"),
    "playing soccer": ("kicking a soccer ball", "running", "walking"),
}
# fmt: on

# Which pace a phrase states, by one of its words.
PACES = {
    "slow": frozenset(("slow", "slowly", "strolling")),
    "moderate": frozenset(("moderate", "moderately", "normal", "normally")),
    "fast": frozenset(("fast", "quick", "quickly", "brisk", "briskly")),
}

# Words that say how, not what: a phrase that is in no group is looked up once more without them, so that "walking
# slowly upstairs" or "quickly sitting down on a low height chair and getting up" need not be listed pace by pace.
# "gently" and heights say how, but not how fast.
PACE_WORDS = frozenset().union(*PACES.values(), ("gently", "half", "low", "height"))

# How a fall came about or ended is told before "and falling" ("slipping and falling forward") or after one of these
# words ("falling forward while walking"). Applied to falls only: "talking while walking" would lose its meaning.
CIRCUMSTANCE_WORDS = frozenset(
    (
        "while",
        "when",
        "caused",
        "after",
        "from",
        "due",
        "during",
        "with",
        "using",
        "breaking",
        "first",
        "because",
        "by",
    )
)
_FALL_GROUPS = (
    "falling", "falling forward", "falling backward", "falling sideways", "falling to the left side",
    "falling to the right side", "falling vertically",
)  # fmt: skip
_ARTICLES = frozenset(("a", "an", "the"))


def normalise(phrase: str) -> str:
    """The phrase in lower case with single spaces, as it is compared and shown.

    Raises:
        TypeError: the phrase is no string.
        ValueError: the phrase is empty or only white space, or holds what no encoding of text has a place for.
    """
    if not isinstance(phrase, str):
        raise TypeError(
            f"an activity label must be a string, found {type(phrase).__name__} {phrase!r}; "
            "turn label codes into phrases with the dataset's label table first"
        )
    words = phrase.casefold().split()
    if not words:
        raise ValueError(f"an activity label must hold at least one word, found {phrase!r}")
    if any("\ud800" <= character <= "\udfff" for character in phrase):
        raise ValueError(
            f"an activity label must be text, found {phrase!r}, with half a character; a command line or a file was "
            "read in another encoding than it was written in: write it in UTF-8"
        )
    return " ".join(words)


def group_of(phrase: str) -> str:
    """Name of the synonym group of a phrase; a phrase in no group is its own group (its normalised form).

    Case, punctuation, hyphens and articles do not matter. When the phrase as it stands is in no group, it is looked up
    without its words of pace, and a fall without its circumstances. Raises TypeError or ValueError as `normalise` does.
    """
    words = _words(phrase)
    index = _group_index()
    if words in index:
        return index[words]
    without_pace = tuple(word for word in words if word not in PACE_WORDS)
    if without_pace in index:
        return index[without_pace]
    how_and_fall = " ".join(without_pace).partition(" and falling")
    fall = ("falling", *how_and_fall[2].split()) if how_and_fall[1] else without_pace
    motion = tuple(itertools.takewhile(lambda word: word not in CIRCUMSTANCE_WORDS, fall))
    if index.get(motion) in _FALL_GROUPS:
        return index[motion]
    return normalise(phrase)


def pace_of(phrase: str) -> str | None:
    """The pace that a phrase states, one of `PACES`; None where it states none. Raises as `normalise` does."""
    words = set(_words(phrase))
    return next((pace for pace, named in PACES.items() if words & named), None)


def may_also_be_true(statement: str, label: str) -> bool:
    """Whether a window of this label may well be one of another statement too, for all that the label says.

    A label of "lying" does not say on what, and a window of it can be no example of what "lying on the back" is not;
    "climbing stairs" may be upwards, "walking" may be slow. True for the statements that `matches` accepts besides the
    label's own group, and inside the group where only one of the two states a pace. Two different paces exclude each
    other, and so do siblings. False for what means the same: that is true, not possible.
    """
    return _leaves_open(_group_and_pace(statement), _group_and_pace(label))


def undecided_pairs(labels: Sequence[str]) -> list[list[bool]]:
    """(L, L): [i][j] where a window of label i may be one of label j too (`may_also_be_true`)."""
    known = [_group_and_pace(label) for label in labels]  # each phrase is read once, not once a pair
    return [[_leaves_open(statement, label) for statement in known] for label in known]


def _group_and_pace(phrase: str) -> tuple[str, str | None]:
    return group_of(phrase), pace_of(phrase)


def _leaves_open(statement: tuple[str, str | None], label: tuple[str, str | None]) -> bool:
    """`may_also_be_true` of phrases by their group and pace."""
    if statement[0] == label[0]:
        return statement[1] != label[1] and None in (statement[1], label[1])
    return statement[0] in ACCEPTED.get(label[0], frozenset())


def is_fall(phrase: str) -> bool:
    """Whether a phrase names a fall. Raises as `group_of` does."""
    return group_of(phrase) in _FALL_GROUPS


def matches(predicted_phrase: str, true_phrase: str, strict: bool = False) -> bool:
    """Whether a predicted phrase counts as right for a true one, by the rules at the top of this file.

    With `strict` only phrases of the same group match.
    """
    predicted, true = group_of(predicted_phrase), group_of(true_phrase)
    return predicted == true if strict else groups_match(predicted, true)


def groups_match(predicted: str, true: str) -> bool:
    """`matches` of phrases by the names of their groups."""
    return predicted == true or predicted in ACCEPTED.get(true, frozenset())


def check_groups(groups: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], str]:
    """Look-up table from the words of every phrase to its group's name.

    Raises:
        ValueError: a phrase, as `group_of` compares it, stands in two groups; names the phrase and both groups.
    """
    index: dict[tuple[str, ...], str] = {}
    for name, phrases in groups.items():
        for phrase in (name, *phrases):
            words = _words(phrase)
            if index.setdefault(words, name) != name:
                raise ValueError(
                    f"phrase {phrase!r} stands in the groups {index[words]!r} and {name!r}; a phrase belongs to one "
                    "group only, remove it from one of them"
                )
    return index


def accepted_predictions(
    is_a: Mapping[str, Sequence[str]], mixtures: Mapping[str, Sequence[str]]
) -> dict[str, frozenset[str]]:
    """True group -> other groups accepted as its prediction: coarser ones, finer ones, and the parts of a mixture."""
    coarser = {group: _closure(group, is_a) for group in is_a}
    accepted: dict[str, set[str]] = {}
    for group, parents in coarser.items():
        accepted.setdefault(group, set()).update(parents)
        for parent in parents:
            accepted.setdefault(parent, set()).add(group)
    finer = {group: {g for g, parents in coarser.items() if group in parents} for group in accepted}
    for mixture, parts in mixtures.items():
        for part in parts:
            accepted.setdefault(mixture, set()).update({part} | finer.get(part, set()))
    return {group: frozenset(others - {group}) for group, others in accepted.items()}


def _closure(group: str, is_a: Mapping[str, Sequence[str]]) -> set[str]:
    """All groups reached from `group` along `is_a`; itself only if the relation has a circle."""
    reached: set[str] = set()
    waiting = list(is_a.get(group, ()))
    while waiting:
        parent = waiting.pop()
        if parent not in reached:
            reached.add(parent)
            waiting.extend(is_a.get(parent, ()))
    return reached


def _words(phrase: str) -> tuple[str, ...]:
    """What two phrases are compared by: lower-case words without punctuation, hyphens and articles."""
    text = normalise(phrase).replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    words = tuple(re.findall(r"\w+", text))
    kept = tuple(word for word in words if word not in _ARTICLES)
    return kept or words or (text,)


@functools.cache
def _group_index() -> dict[tuple[str, ...], str]:
    return check_groups(GROUPS)


ACCEPTED: dict[str, frozenset[str]] = accepted_predictions(IS_A, MIXTURES)
