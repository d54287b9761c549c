/* The class that most frames name decides; of classes named equally often the one named latest. */
int NAME_vote(NAME_votes_t *votes, const int16_t *scores)
{
    const uint32_t at = votes->next, first = likeliest(scores);
    uint32_t found = first;

    if (votes->frames < FRAMES)
        votes->frames++;
    else
        votes->named[votes->label[at]]--;
    votes->label[at] = (uint16_t)first;
    votes->named[first]++;
    votes->next = (uint16_t)(at + 1 == FRAMES ? 0 : at + 1);
    for (uint32_t t = at, left = votes->frames; left; left--) { /* from the latest back */
        if (votes->named[votes->label[t]] > votes->named[found])
            found = votes->label[t];
        t = t ? t - 1 : FRAMES - 1;
    }
    return (int)found;
}
