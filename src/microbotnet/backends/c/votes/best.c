/* The frame whose first class is the furthest ahead of its second decides; of equal ones the latest. */
int NAME_vote(NAME_votes_t *votes, const int16_t *scores)
{
    const uint32_t at = votes->next, first = likeliest(scores);
    int32_t second = CLASSES > 1 ? INT16_MIN : scores[first];
    uint32_t found = at;

    for (uint32_t i = 0; i < CLASSES; i++)
        if (i != first && scores[i] > second)
            second = scores[i];
    votes->label[at] = (uint16_t)first;
    votes->ahead[at] = (uint16_t)(scores[first] - second);
    votes->next = (uint16_t)(at + 1 == FRAMES ? 0 : at + 1);
    if (votes->frames < FRAMES)
        votes->frames++;
    for (uint32_t t = at, left = votes->frames; left; left--) { /* from the latest back */
        if (votes->ahead[t] > votes->ahead[found])
            found = t;
        t = t ? t - 1 : FRAMES - 1;
    }
    return votes->label[found];
}
