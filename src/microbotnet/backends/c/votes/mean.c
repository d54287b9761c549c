/* The class with the largest sum of scores decides; of equal ones the first. */
int NAME_vote(NAME_votes_t *votes, const int16_t *scores)
{
    int16_t *last = votes->scores + votes->next; /* of the frame that leaves; zeros where there was none */
    uint32_t found = 0;

    votes->next = (uint16_t)(votes->next + 1 == FRAMES ? 0 : votes->next + 1);
    for (uint32_t i = 0; i < CLASSES; i++, last += FRAMES) {
        votes->sums[i] += scores[i] - *last;
        *last = scores[i];
        if (votes->sums[i] > votes->sums[found])
            found = i;
    }
    return (int)found;
}
