// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// Texts to begin with. A line "# river" names the sense of the sentences below it.

export const EXAMPLES = [
  {
    word: "bank",
    text: `# river
They pulled the boat up on the bank and made a fire.
He sat all day upon the bank with his rod and caught nothing.
The horses came down to the bank of the river to drink.
We swam across and lay on the grassy bank in the sun.
Willows grew along the bank of the stream.
The path followed the left bank of the river for a mile.
She slipped on the muddy bank and fell into the water.
A heron stood quite still near the opposite bank.
# money
He went to the bank to draw out his money.
The bank had lent him a thousand pounds at five per cent.
All her savings were in the bank when it failed.
The bank closed its doors and the clerks were sent home.
He was a clerk in a bank before he came into his fortune.
The notes of the bank were no longer accepted as payment.
My father left a large sum in the bank for me.
The director of the bank refused to give them credit.`,
  },
  {
    word: "leaves",
    text: `# of a tree
The leaves of the trees were yellow and red.
Dry leaves covered the path through the wood.
The wind shook the leaves above our heads.
She pressed a few green leaves between the pages.
The goats ate all the leaves they could reach.
Its leaves are broad and its flowers are white.
# goes away
The train leaves at six in the morning.
He leaves his wife and children in great want.
She leaves the room without a word.
If he leaves us now we are lost.
The ship leaves the harbour with the tide.
When my uncle leaves town he locks the house.`,
  },
  {
    word: "light",
    text: `# lamp
The light of the lamp fell on her face.
He saw a light in the window of the cottage.
There was not enough light to read the letter.
They carried a light up the dark stairs.
The light of the moon lay upon the water.
The only light came from the dying fire.
# not heavy
The box was so light that a child could lift it.
She came down the stairs with a light step.
He wore a light coat, for the day was warm.
They made a light supper of bread and fruit.
The boat was light and easily carried.
With a light heart he set out for home.
# to kindle
He stopped to light his pipe.
Would you light the candles, please?
They tried to light a fire with wet wood.
She rose to light the lamp.
I could not light the stove this morning.
He struck a match to light his cigar.`,
  },
  {
    word: "kind",
    text: `# friendly
She was always kind to the poor.
You are very kind, sir, and I thank you.
It was kind of him to come so far.
He had a kind face and a gentle voice.
They were kind people who took us in.
Be kind to your little brother.
# sort
What kind of man is your master?
I never saw a house of that kind.
It was a kind of box with a lid.
There was no food of any kind.
He felt a kind of shame at his own words.
This kind of life does not suit me.`,
  },
  {
    word: "saw",
    text: `# did see
I saw him in the garden yesterday.
She saw that he was tired and ill.
They saw the ship far out at sea.
He saw nothing but snow before him.
We saw the lights of the town at last.
# tool
The carpenter took up his saw and his hammer.
He cut the plank in two with a saw.
The teeth of the saw were broken.
Bring me a saw and a few nails.
The old saw hung on the wall of the shop.`,
  },
  {
    word: "match",
    note: "A hard one for this small model: the match that burns and the match that is played mix on the map.",
    text: `# burns
He struck a match and lit the candle.
The match went out in the wind.
She held the burning match to the paper.
There was not a single match left in the box.
He lit his pipe with a match.
# is played
Our side won the match by a single run.
The match was played on the village green.
A great crowd came to watch the match.
They lost the match in the last minute.
The match between the two schools was a draw.`,
  },
];
