"""Activities that `har.labels.wording` has no words for: what a name means that is an activity, and none of those.

A regression that tells what names mean (``har/text/meanings.py``) learns from them when to say that it does not know.
A dataset that brings one of them gets words of its own in the tables, and the name goes from here.
"""

# fmt: off
OTHER_ACTIVITIES: tuple[str, ...] = (
    # sports and exercise
    "swimming", "swimming breaststroke", "front crawl", "treading water", "diving into a pool", "water polo",
    "surfing", "paddling a canoe", "kayaking", "sailing a dinghy", "windsurfing", "skiing downhill",
    "cross-country skiing", "snowboarding", "ice skating", "ice hockey", "figure skating", "roller skating",
    "inline skating", "skateboarding", "riding a scooter", "sledging", "curling on ice", "playing golf",
    "putting on the green", "playing table tennis", "playing badminton", "playing volleyball", "spiking a volleyball",
    "playing handball", "playing rugby", "playing cricket", "playing field hockey", "playing lacrosse",
    "playing darts", "playing billiards", "archery", "shooting a rifle", "fencing", "judo throws", "karate kata",
    "wrestling", "sparring in taekwondo", "rock climbing", "bouldering", "abseiling", "riding a horse",
    "show jumping", "gymnastics on the bars", "doing a handstand", "turning a cartwheel", "doing a somersault",
    "pole vault", "long jump", "high jump", "discus throw", "hurdling", "push-ups", "pull-ups", "sit-ups", "crunches",
    "planking", "burpees", "mountain climbers", "deadlifts", "bench press", "leg press", "kettlebell swings",
    "battle ropes", "medicine ball slams", "hula hooping", "zumba", "ballet", "ballroom dancing", "waltzing",
    "tap dancing", "breakdancing", "dancing", "tai chi", "yoga", "warrior pose", "downward dog", "pilates hundred",
    "stretching the hamstrings", "stretching the calves", "foam rolling", "touching the toes", "side bends",
    "elliptical trainer", "skipping sideways", "walking backwards", "walking on tiptoe", "walking heel to toe",
    "crawling on hands and knees", "army crawl", "climbing a ladder", "climbing over a fence",
    # rehabilitation, nursing and medicine
    "knee extension", "leg raise while sitting", "heel raises", "toe tapping", "ankle circles", "standing on one leg",
    "tandem stance", "finger tapping", "touching the nose with a finger", "opening and closing the hand",
    "turning the forearm palm up and palm down", "squeezing a ball", "shoulder shrugs", "shoulder rotation",
    "neck rotation", "nodding the head", "shaking the head", "breathing deeply", "holding one's breath",
    "taking blood pressure", "giving an injection", "drawing blood", "changing a dressing", "taking a temperature",
    "chest compressions", "bathing a patient", "lifting a patient", "feeding a patient", "pushing a wheelchair",
    "propelling a wheelchair", "transferring from wheelchair to bed", "walking on crutches",
    "being carried on a stretcher", "having a seizure", "trembling", "tremor at rest", "freezing while walking",
    "dyskinesia", "fidgeting", "scratching", "pulling one's hair", "biting one's nails", "sneezing", "coughing",
    "yawning", "hiccups", "blowing the nose", "vomiting", "laughing", "crying", "shivering", "sweating", "snoring",
    "gargling", "taking a pill", "putting in contact lenses", "measuring one's weight",
    # body, clothes, food
    "taking a shower", "having a bath", "using the toilet", "shampooing", "drying one's hair", "putting on make-up",
    "applying lotion", "flossing", "cutting fingernails", "trimming the beard", "buttoning a shirt", "zipping a zip",
    "putting on trousers", "putting on socks", "putting on a hat", "tying a tie", "putting on glasses", "smoking",
    "vaping", "chewing gum", "licking an ice cream", "kneading dough", "rolling out pastry", "grating cheese",
    "making a sandwich", "spreading butter",
    "laying the table", "loading a dishwasher", "taking out the rubbish", "opening a tin",
    # house, garden, work
    "making the bed", "changing the sheets", "hanging out the washing", "sewing", "knitting", "crocheting",
    "embroidery", "watering plants", "weeding", "digging a hole", "planting bulbs", "raking leaves",
    "mowing the lawn", "trimming a hedge", "pruning roses", "shovelling snow", "chopping firewood", "sawing a plank",
    "hammering a nail", "drilling a hole", "tightening a screw", "using a screwdriver", "sanding wood",
    "painting a wall", "laying bricks", "mixing cement", "pushing a wheelbarrow", "welding", "soldering",
    "changing a tyre", "pumping up a tyre", "washing the car", "refuelling a car", "packing a box",
    "stacking shelves", "scanning goods", "operating a forklift", "milking a cow", "grooming a horse", "fishing",
    "hunting", "picking berries", "shearing sheep", "stroking a cat", "playing with a dog", "changing a nappy",
    "pushing a pram", "rocking a baby", "breastfeeding", "carrying a child on the shoulders", "playing hide and seek",
    "playing on a swing", "going down a slide", "building a tower of blocks",
    # hands, people, leisure
    "shaking hands", "hugging", "kissing", "giving a high five", "saluting", "bowing", "snapping the fingers",
    "giving a thumbs up", "sign language", "praying", "singing", "whistling", "shouting", "conducting an orchestra",
    "playing the piano", "playing the guitar", "playing the violin", "playing the drums", "playing the flute",
    "juggling three balls", "spinning a yo-yo", "flying a kite", "playing cards", "playing chess", "rolling dice",
    "playing a video game", "doing a jigsaw puzzle", "drawing a portrait", "painting with watercolours", "pottery",
    "taking a photograph", "flipping a coin", "stapling papers", "cutting with scissors", "wrapping a present",
    "stamping letters", "counting money", "riding a motorcycle", "riding a train", "flying in an aeroplane",
    "steering a boat", "riding an escalator", "meditating", "giving a lecture", "marching with a flag",
    "pulling a sledge", "tug of war", "moving furniture",
)
