"""The words of ten languages that opting out is said with, by the role that each plays in such a sentence.

Written as `processors.words.normalise` writes them, an apostrophe as a space. `a_b` is a phrase, `a~b` a phrase with up
to three words between, `word{s,ed}` each ending by itself, `stem*` whatever begins with it.

| role | what it does in a sentence |
| --- | --- |
| stop | asks to stop, also with nothing but a name beside it |
| end | asks to stop or refuses, with what is to end beside it or with nothing but politeness |
| enough | the same, but by itself it may answer a question |
| leave | says all of it: unsubscribe, leave me alone |
| remove | takes somebody or something off a list |
| send, receive, want | what is done with messages, with a `no` before or behind it |
| message, me, list | what it is about |
| no | negates a verb; `none` only a noun, or answers a question |
| more | again, any more |
| can | tells what somebody is not able to do, or what happened, which is no wish |
| keep | asks for the opposite |
| ordinary | travel, rooms, meals: the sentence is about these; `when` limits it to a time |
| polite | changes nothing, or explains: please, now, wrong number, regards |
| glue | pronouns, articles, auxiliaries |
| at | says where |
"""

from processors.opt_out_words.chinese import CHINESE
from processors.opt_out_words.common import EVERYWHERE
from processors.opt_out_words.dutch import DUTCH
from processors.opt_out_words.english import ENGLISH
from processors.opt_out_words.french import FRENCH
from processors.opt_out_words.german import GERMAN
from processors.opt_out_words.indonesian import INDONESIAN
from processors.opt_out_words.italian import ITALIAN
from processors.opt_out_words.japanese import JAPANESE
from processors.opt_out_words.portuguese import PORTUGUESE
from processors.opt_out_words.spanish import SPANISH

SPACED = (ENGLISH, INDONESIAN, GERMAN, SPANISH, FRENCH, PORTUGUESE, ITALIAN, DUTCH)
UNSPACED = (CHINESE, JAPANESE)

__all__ = ["EVERYWHERE", "SPACED", "UNSPACED"]
